import { useEffect, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { type Session, useApp } from "./app.ts";
import { Banner, Button, Command, Field, TextInput } from "./components.tsx";
import { asApiError } from "./resource.ts";
import { Brand } from "./shell.tsx";

/** Page that a browser without a session shows. */
export function SignIn({ refusal }: { readonly refusal: ApiError | undefined }) {
  const app = useApp();
  const [error, setError] = useState(refusal);
  useEffect(() => {
    document.title = "Sign in · Brooklet";
  }, []);
  const signIn = (body: unknown) => {
    setError(undefined);
    app.api.post<Session>(["session"], body).then(
      (session) => {
        app.session.value = session;
      },
      (failure: unknown) => setError(asApiError(failure)),
    );
  };
  return (
    <main class="sign-in">
      <Brand />
      <h1>Sign in</h1>
      {error !== undefined && <Banner title={error.message}>{error.detail}</Banner>}
      {app.hasUsers.value && <PasswordForm onSubmit={signIn} />}
      <section class="card stack">
        <h2>{app.hasUsers.value ? "Without a user name" : "With a link"}</h2>
        <p>This command, on the machine of the broker, prints a link that signs in once:</p>
        <Command>brooklet dashboard</Command>
        <TokenForm onSubmit={signIn} />
      </section>
    </main>
  );
}

function PasswordForm({ onSubmit }: { readonly onSubmit: (body: unknown) => void }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit({ user, password });
      }}
    >
      <Field label="User name">
        <TextInput name="user" value={user} onValue={setUser} autoComplete="username" isRequired />
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
  );
}

/** Takes a link, or its token alone, pasted by hand. */
function TokenForm({ onSubmit }: { readonly onSubmit: (body: unknown) => void }) {
  const [link, setLink] = useState("");
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit({ token: link.trim().replace(/^.*#token=/, "") });
      }}
    >
      <Field label="Link, or the token at its end">
        <TextInput type="password" name="token" value={link} onValue={setLink} isRequired />
      </Field>
      <div class="row">
        <Button isSubmit>Sign in with the link</Button>
      </div>
    </form>
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
