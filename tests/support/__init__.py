"""What tests share: real servers, a real API and worker in the test's own loop, and clients for them."""
