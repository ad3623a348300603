"""HTTP/1.1 to providers, on asyncio's transports and httptools: connections, those that are kept open, answers."""
