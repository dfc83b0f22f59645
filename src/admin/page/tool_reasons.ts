/**
 * Why a connection of the tool failed, in words with the remedy. A browser never says why a WebSocket could not be opened, so
 * the listener's own reason comes from the events of the broker that are about this browser's address.
 */

import { RefusedError } from "../../client/refused_error.ts";
import type { ProtocolVersion } from "../../codec/packet.ts";
import { connackReturnCode, ReasonCode } from "../../codec/reason_code.ts";
import { REASON_WORDS } from "../dissect/wireshark_words.ts";

/** Explanation of a failure. */
export interface Explanation {
  /** Cause, as a sentence without a full stop. */
  readonly title: string;
  readonly text: string;
  readonly remedy?: string | undefined;
  /** Clause of the specification, such as `MQTT-3.1.4-2`. */
  readonly clause?: string | undefined;
}

/** Event of the broker about this browser, as far as it explains a failure. */
export interface OwnEvent {
  /** Number; later events have larger ones. */
  readonly id: number;
  /** Kind as the API names it: `refused`, `denied` or `ended`. */
  readonly kind: string;
  /** Event in words, as the log has it. */
  readonly text: string;
  readonly remedy?: string | undefined;
  readonly clause?: string | undefined;
  readonly timeMs: number;
  readonly clientId?: string | undefined;
}

/** Circumstances of a failure. */
export interface Circumstances {
  readonly protocolVersion: ProtocolVersion;
  readonly address: string;
  /** Events about this browser since the attempt began. */
  readonly events: readonly OwnEvent[];
  /** Whether the broker had accepted the client. */
  readonly wasConnected: boolean;
  /** Address of this page, for what a browser blocks by itself. */
  readonly page: string;
  /** Whether the Content Security Policy of the page lets it open the address. */
  readonly mayOpen: boolean;
}

const WORDS: Readonly<
  Record<number, { readonly title: string; readonly text: string }>
> = {
  [ReasonCode.BadUserNameOrPassword]: {
    title: "The broker refused the user name or the password",
    text: "It does not say which of them is wrong, so that nobody learns who has an account.",
  },
  [ReasonCode.NotAuthorized]: {
    title: "The broker does not let this client in",
    text: "Without user name and password it may not connect, or a rule forbids it, or its Will.",
  },
  [ReasonCode.Banned]: {
    title: "The broker has banned this client",
    text: "An entry of the bans names it.",
  },
  [ReasonCode.UnsupportedProtocolVersion]: {
    title: "The broker does not speak this version of MQTT",
    text: "Choose another version.",
  },
  [ReasonCode.ClientIdentifierNotValid]: {
    title: "The broker refused the Client ID",
    text: "It is empty where it may not be, too long, or not allowed for this user.",
  },
  [ReasonCode.ServerUnavailable]: {
    title: "The broker cannot serve clients now",
    text: "Its storage may be failing, or it is ending.",
  },
  [ReasonCode.ServerBusy]: {
    title: "The broker is too busy",
    text: "Try again later.",
  },
  [ReasonCode.QuotaExceeded]: {
    title: "A limit of the broker is reached",
    text: "It takes no further client now.",
  },
  [ReasonCode.ConnectionRateExceeded]: {
    title: "There were too many failed logins",
    text: "The broker makes this address wait.",
  },
  [ReasonCode.SessionTakenOver]: {
    title: "Another client took over this Client ID",
    text: "Two clients with the same Client ID push each other out.",
  },
  [ReasonCode.AdministrativeAction]: {
    title: "An operator disconnected this client",
    text: "It may connect again.",
  },
  [ReasonCode.KeepAliveTimeout]: {
    title: "The broker heard nothing for too long",
    text:
      "It waited for one and a half times the Keep Alive; a tab in the background may be slowed down by the browser.",
  },
  [ReasonCode.ServerShuttingDown]: {
    title: "The broker is shutting down",
    text: "Connect again when it is back.",
  },
  [ReasonCode.PacketTooLarge]: {
    title: "A packet was too large for the broker",
    text: "Its CONNACK says the largest size that it takes.",
  },
};

/** Explains an error of the client by the newest event about it, and by what browsers do. */
export function explain(error: unknown, circumstances: Circumstances): Explanation {
  const { events, wasConnected, address, mayOpen } = circumstances;
  const event = events.toSorted((one, other) => other.id - one.id).find(({ kind }) =>
    wasConnected ? kind === "ended" : kind === "refused" || kind === "denied"
  );
  const help = { remedy: event?.remedy, clause: event?.clause };
  if (error instanceof RefusedError) return { ...refusal(error, circumstances), ...help };
  if (!mayOpen) {
    return {
      title: "The browser did not open this address",
      text: "This page may open the listeners of its own broker only (Content Security Policy).",
      remedy: "Choose an address of the list, or copy the settings below for a client outside of the browser.",
    };
  }
  const title = wasConnected ? "The connection was lost" : "The broker refused the connection";
  if (event !== undefined) return { title, text: sentence(event.text), ...help };
  if (wasConnected) {
    return { title, text: "The broker did not say why, and has no event about it.", remedy: "Connect again." };
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return {
      title: "There was no answer",
      text: `Nothing answered at ${address} in time.`,
      remedy: "Look whether the address is that of a listener of this broker, and whether a proxy stands between.",
    };
  }
  return unreached(circumstances);
}

/** Refusal by CONNACK, or the end by DISCONNECT, in words. */
function refusal(error: RefusedError, { protocolVersion, wasConnected }: Circumstances): Explanation {
  const known = WORDS[error.reasonCode];
  // For a password, the broker's reason says no more than the title.
  const isSaid = error.reasonCode === ReasonCode.BadUserNameOrPassword;
  const said = isSaid ? undefined : error.properties.reasonString;
  const parts = [packetWords(error, protocolVersion, wasConnected), known?.text, said && `It said: ${sentence(said)}`];
  return {
    title: known?.title ?? (wasConnected ? "The broker ended the connection" : "The broker refused the connection"),
    text: parts.filter((part) => part !== undefined).join(" "),
  };
}

/** Explanation of a connection of which the broker knows nothing. */
function unreached({ address, page }: Circumstances): Explanation {
  const title = "Nothing of this attempt reached the broker";
  if (new URL(address).host === new URL(page).host) {
    return {
      title: "The dashboard has no WebSocket at this path",
      text: "It answers at this address, but takes MQTT at /mqtt only.",
      remedy: "Choose this page's own address.",
    };
  }
  if (page.startsWith("https:") && address.startsWith("ws:")) {
    return {
      title,
      text: "This page was loaded over HTTPS, and a browser blocks ws:// from such a page.",
      remedy: "Use wss:// or this page's own address.",
    };
  }
  if (address.startsWith("wss:")) {
    const page = address.replace(/^wss/, "https");
    return {
      title,
      text: "The browser may not trust the certificate of the listener; it does not say so to a page.",
      remedy: `Open ${page} in a tab, accept the certificate or install its authority, and connect again.`,
    };
  }
  return {
    title,
    text: "No listener is at this address, or a firewall or proxy stands before it.",
    remedy: "Choose one of the addresses that the list offers.",
  };
}

function sentence(text: string): string {
  return `${text.replace(/\.+$/, "")}.`;
}

/** Packet that refused, with its code, such as `CONNACK 0x86 Bad User Name or Password.` */
function packetWords(
  { reasonCode }: RefusedError,
  version: ProtocolVersion,
  wasConnected: boolean,
): string {
  const words = REASON_WORDS[reasonCode] ?? "Unknown";
  const code = version === 5 || wasConnected ? reasonCode : connackReturnCode(reasonCode) ?? reasonCode;
  return `${wasConnected ? "DISCONNECT" : "CONNACK"} 0x${code.toString(16).padStart(2, "0")} ${words}.`;
}
