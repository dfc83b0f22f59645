import { isOrigin } from "../config/schema_checks.ts";
import type { MosquittoDraft } from "./draft.ts";
import { type MosquittoKey, mostConnections, NO_PSK, once, refuse, refuseTrue, warn } from "./key.ts";
import type { MosquittoLine } from "./line.ts";

/** Versions of MQTT by their Protocol Level. */
const VERSIONS = new Map<string, "3.1" | "3.1.1" | "5">([["3", "3.1"], ["4", "3.1.1"], ["5", "5"]]);
const NO_ENGINE = "is about engines of OpenSSL, which TLS has not here: use a key file";

export function addListener(line: MosquittoLine, draft: MosquittoDraft): void {
  const [port, host] = line.twoWords();
  if (!/^\d+$/.test(port) || Number(port) > 65_535) throw line.error("does not begin with a port of 0 to 65535");
  if (host?.includes("/") && Number(port) !== 0) throw line.error("with a path of a socket has the port 0");
  // Without a path port 0 would be any free port, which mosquitto does not have.
  if (Number(port) === 0 && host !== undefined && !/^\/|^[\d.]+$|:|^localhost$/.test(host)) {
    throw line.error('with the port 0 needs the whole path of a socket, such as "/run/mosquitto.sock"');
  }
  draft.addListener(line.place, Number(port), host);
}

export function listenerKeys(): Record<string, MosquittoKey> {
  const maximumQos: MosquittoKey = (line, { listener }) => void (listener.maximumQos = line.integer(0, 2));
  return {
    port: (line, draft) => {
      draft.listener.port = line.integer(1, 65_535);
      draft.isLocalOnly = false;
    },
    bind_address: (line, draft) => {
      if (draft.listener.host !== undefined) throw line.error("is there already");
      draft.listener.host = line.text();
      draft.isLocalOnly = false;
    },
    bind_interface: refuse("is not possible: name the address of the interface behind the port of the listener"),
    protocol: (line, { listener }) => {
      if (line.text() === "http_api") {
        throw line.error('http_api is not there: "http_dir" of a listener with "protocol websockets" serves files');
      }
      listener.isWebSocket = line.choice("mqtt", "websockets") === "websockets";
    },
    socket_domain: (line, { listener }) => void (listener.domain = line.choice("ipv4", "ipv6")),
    max_connections: (line, { listener }) => {
      const most = mostConnections(line);
      if (most !== undefined) listener.maximumConnections = most;
    },
    max_qos: maximumQos,
    maximum_qos: maximumQos, // Its other name, which mosquitto does not document.
    max_topic_alias: (line, { listener }) => void (listener.topicAliasMaximum = line.integer(0, 65_535)),
    max_topic_alias_broker: warn('is not looked at: "max_topic_alias" bounds those of the broker too'),
    mount_point: refuse("is not possible: topics are the same at all listeners; rules keep clients apart"),
  };
}

/** Keys about the clients that may connect to a listener, and the ways to reach it. */
export function admissionKeys(): Record<string, MosquittoKey> {
  return {
    use_username_as_clientid: refuseTrue(
      "is not possible: clients keep their Client Identifiers, and a session is for its user alone",
    ),
    accept_protocol_versions: (line, { listener }) => {
      listener.versions = line.words().map((word) => {
        const version = VERSIONS.get(word);
        if (version === undefined) throw line.error("is not 3, 4 or 5, or several of them with commas between");
        return version;
      });
    },
    listener_allow_anonymous: (line, { listener }) => void (listener.allowAnonymous = line.boolean()),
    listener_auto_id_prefix: warn('is not looked at: name one for all listeners with "auto_id_prefix"'),
    enable_proxy_protocol: (line, { listener }) => {
      line.integer(1, 2); // Both versions are understood, whichever is set here.
      listener.hasProxy = true;
    },
    proxy_protocol_v2_require_tls: refuseTrue(
      "is not possible: what a proxy says of TLS is not looked at; let the proxy accept TLS alone",
    ),
  };
}

export function webSocketKeys(): Record<string, MosquittoKey> {
  return {
    http_dir: once(({ listener }) => listener, "httpDir"),
    websockets_origin: (line, { listener }) => {
      const origin = line.text();
      // Words such as * and loopback have no meaning in mosquitto.
      if (!isOrigin(origin) || !/^null$|:\/\//.test(origin)) {
        throw line.error("is not an origin such as https://example.com");
      }
      listener.origins = [...listener.origins ?? [], origin];
    },
    websockets_log_level: warn("is not looked at: there is no libwebsockets"),
    websockets_headers_size: warn("is not looked at: the head of a request has 8,192 bytes at most"),
  };
}

export function tlsKeys(): Record<string, MosquittoKey> {
  const authority: MosquittoKey = (line, { listener }) => {
    if (listener.authority !== undefined) {
      throw line.error('is not possible beside another "cafile" or "capath": put all authorities together');
    }
    listener.authority = line.text();
  };
  return {
    certfile: once(({ listener }) => listener, "certificate"),
    keyfile: once(({ listener }) => listener, "key"),
    cafile: authority,
    capath: authority,
    require_certificate: (line, { listener }) => void (listener.requireCertificate = line.boolean()),
    tls_version: (line, { listener }) => {
      const version = line.text();
      if (version === "tlsv1.1") throw line.error("is not possible with tlsv1.1, which is not safe: write tlsv1.2");
      listener.minimumVersion = line.choice("tlsv1.2", "tlsv1.3") === "tlsv1.3" ? "1.3" : "1.2";
    },
    use_identity_as_username: (line, { listener }) => void (listener.usesIdentity = line.boolean()),
    use_subject_as_username: (line, { listener }) => void (listener.usesSubject = line.boolean()),
    crlfile: refuse("is not possible: no list of revoked certificates is looked at"),
    disable_client_cert_date_checks: refuseTrue("is not possible: a certificate holds for its time alone"),
    ciphers: warn("is not looked at: TLS takes the strongest cipher that both sides have, and has no weak ones"),
    "ciphers_tls1.3": warn("is not looked at: TLS takes the strongest cipher that both sides have"),
    dhparamfile: warn("is not looked at: TLS has key exchange on elliptic curves only"),
    tls_engine: refuse(NO_ENGINE),
    tls_engine_kpass_sha1: refuse(NO_ENGINE),
    tls_keyform: (line) => {
      if (line.choice("pem", "engine") === "engine") throw line.error(NO_ENGINE);
    },
    psk_hint: refuse(NO_PSK),
  };
}
