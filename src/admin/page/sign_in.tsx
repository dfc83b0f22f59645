import { useEffect, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { type Session, useApp } from "./app.ts";
import { Banner, Button, Command, Field, TextInput } from "./components.tsx";
import { asApiError } from "./resource.ts";
import { Brand } from "./shell.tsx";

/** Form for those who are not signed in. */
export function SignIn(
  { refusal }: { readonly refusal: ApiError | undefined },
) {
  const app = useApp();
  const [error, setError] = useState(refusal);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [token, setToken] = useState("");
  useEffect(() => {
    document.title = "Sign in · Brooklet";
  }, []);
  const signIn = (body: unknown) => {
    app.api.post<Session>(["session"], body).then(
      () => app.findSession(),
    ).catch((failure: unknown) => setError(asApiError(failure)));
  };
  return (
    <main class="sign-in">
      <Brand />
      <h1>Sign in</h1>
      {error !== undefined && <Banner title={error.message}>{error.detail}</Banner>}
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          signIn({ user, password });
        }}
      >
        <Field label="User name">
          <TextInput
            name="user"
            value={user}
            onValue={setUser}
            autoComplete="username"
            isRequired
          />
        </Field>
        <Field label="Password">
          <TextInput
            type="password"
            name="password"
            value={password}
            onValue={setPassword}
            autoComplete="current-password"
            isRequired
          />
        </Field>
        <div class="row">
          <Button isSubmit isPrimary>Sign in</Button>
        </div>
      </form>
      <details>
        <summary>Sign in with a token</summary>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            signIn({ token });
          }}
        >
          <Field label="Token">
            <TextInput
              type="password"
              name="token"
              value={token}
              onValue={setToken}
              isRequired
            />
          </Field>
          <div class="row">
            <Button isSubmit>Sign in with the token</Button>
          </div>
        </form>
      </details>
      <div class="stack">
        <p class="muted">
          Without a user name: this command, on the machine of the broker, prints a link that signs in once.
        </p>
        <Command>brooklet dashboard</Command>
      </div>
    </main>
  );
}

/**
 * Takes the token of a one-time link out of the address, before anything else can see it there: history, bookmarks and
 * a copied address do not have it.
 */
export function takeLinkToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}
