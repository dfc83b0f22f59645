import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "./api.ts";
import { App, AppProvider } from "./app.ts";
import { Banner, Button } from "./components.tsx";
import { asApiError } from "./resource.ts";
import { Shell } from "./shell.tsx";
import { SignIn, takeLinkToken } from "./sign_in.tsx";

function Root(
  { app, token }: { readonly app: App; readonly token: string | undefined },
) {
  const [refusal, setRefusal] = useState<ApiError>();
  const [failure, setFailure] = useState<ApiError>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    begin(app, round === 0 ? token : undefined, setRefusal).then(
      () => setFailure(undefined),
      (error: unknown) => setFailure(asApiError(error)),
    );
  }, [round]);
  const session = app.session.value;
  if (failure !== undefined && session === undefined) {
    return (
      <main class="sign-in">
        <h1>Brooklet</h1>
        <Banner title={failure.message}>{failure.detail}</Banner>
        <div class="row">
          <Button onClick={() => setRound(round + 1)}>Retry</Button>
        </div>
      </main>
    );
  }
  if (session === undefined) {
    return <main aria-busy="true" aria-label="Loading" />;
  }
  return session === null ? <SignIn refusal={refusal} /> : <Shell />;
}

/** Signs in with the token of a link, if there is one, and finds out who is signed in. */
async function begin(
  app: App,
  token: string | undefined,
  refuse: (error: ApiError) => void,
): Promise<void> {
  if (token !== undefined) {
    try {
      await app.api.post(["session"], { token });
    } catch (error) {
      refuse(asApiError(error));
    }
  }
  await app.findSession();
}

const token = takeLinkToken();
const app = new App(new URL(".", location.href));
render(
  <AppProvider value={app}>
    <Root app={app} token={token} />
  </AppProvider>,
  document.body,
);
