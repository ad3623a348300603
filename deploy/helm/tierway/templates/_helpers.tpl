{{/* Names start with the release's name alone: operator and proxies derive those of ConfigMaps and Secrets from it too. */}}

{{- define "tierway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: tierway
{{ include "tierway.selector" . }}
{{- end }}

{{- define "tierway.selector" -}}
app.kubernetes.io/name: tierway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of objects outside the release's namespace: two releases of one name may live in two namespaces. */}}
{{- define "tierway.outside" -}}
tierway:{{ .Release.Namespace }}:{{ .Release.Name }}
{{- end }}

{{- define "tierway.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "tierway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tierway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The token is mounted here and not by the ServiceAccount, so that no other container gets one. */}}
{{- define "tierway.tokenVolume" -}}
name: api-access
projected:
  defaultMode: 0440
  sources:
  - serviceAccountToken: {path: token, expirationSeconds: 3600}
  - configMap:
      name: kube-root-ca.crt
      items: [{key: ca.crt, path: ca.crt}]
  - downwardAPI:
      items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end }}

{{- define "tierway.tokenMount" -}}
name: api-access
mountPath: /var/run/secrets/kubernetes.io/serviceaccount
readOnly: true
{{- end }}
