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
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
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

{{/* Where a pod goes, and what it is to others: of the operator or the proxies, whose values are given. */}}
{{- define "tierway.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* "true" or nothing, of a value that is true, false or auto: (list value, what auto means here). */}}
{{- define "tierway.wanted" -}}
{{- if eq (toString (first .)) "auto" | ternary (last .) (eq (toString (first .)) "true") }}true{{ end }}
{{- end }}

{{/* Each rollout is spread by itself: pods that are about to end do not count. */}}
{{- define "tierway.spread" -}}
{{- $proxies := dict "matchLabels" (merge (dict "app.kubernetes.io/component" "proxy") (include "tierway.selector" . | fromYaml)) }}
{{- range .Values.proxy.topologySpreadConstraints }}
- {{- toYaml (merge (deepCopy .) (dict "labelSelector" $proxies)) | nindent 2 }}
{{- else }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
  labelSelector: {{- toYaml $proxies | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where callers of the default policy begin, without the /v1. */}}
{{- define "tierway.url" -}}
http://{{ .Release.Name }}.{{ .Release.Namespace }}.svc{{ if ne (int .Values.service.port) 80 }}:{{ .Values.service.port }}{{ end }}
{{- end }}
