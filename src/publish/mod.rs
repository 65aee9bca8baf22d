//! Upstream: topics, payloads and the MQTT client.
