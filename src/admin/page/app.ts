import { type Signal, signal } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import { Api, ApiError } from "./api.ts";
import { Inspector } from "./inspector_state.ts";
import { Live } from "./live.ts";
import { asApiError } from "./resource.ts";
import { Router } from "./router.ts";
import { Theme } from "./theme.ts";
import { Tool } from "./tool_state.ts";

/** Person or program that is signed in. */
export interface Session {
  readonly name: string;
  readonly role: "viewer" | "operator" | "admin";
  /** Way of signing in; `app`: the program around this page did it, and signs out. */
  readonly by: "cookie" | "token" | "app";
}

/** Question before something is done. */
export interface Question {
  /** Action as a question: `Disconnect 280 clients?` */
  readonly title: string;
  /** Effect, in a sentence. */
  readonly effect: ComponentChildren;
  /** Action again, for the button: `Disconnect 280 clients`. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Does it; if it throws, the dialog stays and shows why. Gets the values of the fields by their names. */
  run(values: Readonly<Record<string, string>>): Promise<void>;
  /** Fields between text and buttons. */
  readonly fields?: ComponentChildren;
}

/** Line at the lower edge that says that something was done. */
export interface Message {
  readonly text: ComponentChildren;
  /** Takes it back. */
  readonly undo?: () => Promise<void>;
  /** How long it stays. @default {6000} */
  readonly forMs?: number;
}

/** State of the whole page. */
export class App {
  readonly api: Api;
  readonly live: Live;
  readonly tool: Tool;
  readonly inspector: Inspector;
  readonly router = new Router();
  readonly theme = new Theme();
  /** `undefined` until the broker has said who it is; `null`: nobody. */
  readonly session: Signal<Session | null | undefined> = signal(undefined);
  /** Whether the broker has users, who sign in with a password. */
  readonly hasUsers: Signal<boolean> = signal(false);
  readonly question: Signal<Question | undefined> = signal(undefined);
  readonly messages: Signal<readonly Message[]> = signal([]);
  /** Time under the pointer, in epoch seconds, which all charts of a group show. */
  readonly cursor: Signal<{ readonly group: string; readonly time: number } | undefined> = signal(undefined);

  constructor(page: URL) {
    this.api = new Api(page, ({ members: { signIn } }) => {
      this.hasUsers.value = takesPassword(signIn) ?? this.hasUsers.value;
      if (this.session.value !== undefined) this.session.value = null;
    });
    this.live = new Live(this.api);
    this.tool = new Tool(this.api, page);
    this.inspector = new Inspector(this.api, this.live);
  }

  /** Whether the one who is signed in has a role; what it cannot do is not shown. */
  may(role: Session["role"]): boolean {
    const roles = ["viewer", "operator", "admin"];
    const own = this.session.value?.role;
    return own !== undefined && roles.indexOf(own) >= roles.indexOf(role);
  }

  ask(question: Question): void {
    this.question.value = question;
  }

  say(message: Message): void {
    this.messages.value = [...this.messages.value, message];
    setTimeout(() => this.unsay(message), message.forMs ?? 6000);
  }

  /** Says that something failed, and why. */
  readonly fail = (failure: unknown): void => {
    const { message, detail } = asApiError(failure);
    this.say({ text: `${message}: ${detail}`, forMs: 12_000 });
  };

  unsay(message: Message): void {
    this.messages.value = this.messages.value.filter((other) => other !== message);
  }

  /** Finds out who is signed in. @throws ApiError for other failures than that nobody is */
  async findSession(): Promise<void> {
    try {
      this.session.value = await this.api.get<Session>(["session"]);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
      this.session.value = null;
    }
  }

  async signOut(): Promise<void> {
    this.live.close();
    await this.api.delete(["session"]);
    await this.findSession(); // It also says whether one can sign in again with a password.
  }
}

/** Whether one can sign in with a password, as a refusal says; `undefined`: it does not say. */
function takesPassword(signIn: unknown): boolean | undefined {
  return typeof signIn === "object" && signIn !== null && "password" in signIn ? signIn.password === true : undefined;
}

const AppContext = createContext<App | undefined>(undefined);

/** Gives the app to all components below. */
export const AppProvider = AppContext.Provider;

/** App of the page. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) {
    throw new TypeError("Cannot use the app: AppProvider is not above");
  }
  return app;
}

/** WebSocket tool; the component is drawn again when it changes. */
export function useTool(): Tool {
  const { tool } = useApp();
  void tool.changes.value;
  return tool;
}

/** Inspector; the component is drawn again when it changes. */
export function useInspector(): Inspector {
  const { inspector } = useApp();
  void inspector.changes.value;
  return inspector;
}
