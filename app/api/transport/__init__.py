"""HTTP and WebSocket: how requests are read, limited and answered."""
