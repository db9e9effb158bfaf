"""HTTP and WebSocket: how requests are read and limited, and how responses are sent."""
