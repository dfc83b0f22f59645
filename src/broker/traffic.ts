/** What has come and gone since the broker was opened. Counted for a batch and for a write, where that can be. */
export class Traffic {
  /** Network Connections. */
  sockets = 0;
  /** CONNECT packets, also those that are refused. */
  connections = 0;
  receivedBytes = 0;
  sentBytes = 0;
  /** MQTT packets of all kinds. */
  receivedPackets = 0;
  sentPackets = 0;
  /** PUBLISH, and the bytes of their payloads. */
  receivedPublishes = 0;
  sentPublishes = 0;
  receivedPayloadBytes = 0;
  sentPayloadBytes = 0;
}
