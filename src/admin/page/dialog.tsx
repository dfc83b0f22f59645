import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "./api.ts";
import { type Message, type Question, useApp } from "./app.ts";
import { Banner, Button } from "./components.tsx";
import { asApiError } from "./resource.ts";

/** The question that is open, if there is one. */
export function QuestionDialog() {
  const question = useApp().question.value;
  return question === undefined ? null : <Open key={question.title} question={question} />;
}

function Open({ question }: { readonly question: Question }) {
  const app = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<ApiError>();
  const [isRunning, setRunning] = useState(false);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  const close = () => {
    app.question.value = undefined;
  };
  const submit = (form: HTMLFormElement) => {
    const values = Object.fromEntries(
      Array.from(new FormData(form), ([name, value]) => [name, String(value)]),
    );
    setRunning(true);
    question.run(values).then(close, (failure: unknown) => {
      setError(asApiError(failure));
      setRunning(false);
    });
  };
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <h2 id="question">{question.title}</h2>
        <p class="break">{question.effect}</p>
        {question.fields}
        {error !== undefined && <Banner title={error.message}>{error.detail}</Banner>}
        <div class="row">
          <Button onClick={close}>Cancel</Button>
          <Button
            isSubmit
            isPrimary
            isDangerous={question.isDangerous ?? false}
            isDisabled={isRunning}
          >
            {question.action}
          </Button>
        </div>
      </form>
    </dialog>
  );
}

/** Lines that say what was done. */
export function Messages() {
  const app = useApp();
  return (
    <div class="messages" role="status">
      {app.messages.value.map((message, index) => <Line key={index} message={message} />)}
    </div>
  );
}

function Line({ message }: { readonly message: Message }) {
  const app = useApp();
  const { undo } = message;
  const takeBack = () => {
    if (undo === undefined) return;
    undo().then(
      () => app.unsay(message),
      (error: unknown) =>
        app.say({
          text: `${asApiError(error).message}: ${asApiError(error).detail}`,
        }),
    );
  };
  return (
    <div class="message">
      <span>{message.text}</span>
      <span class="push row">
        {undo !== undefined && <Button isSmall onClick={takeBack}>Undo</Button>}
        <Button
          isSmall
          label="Close this message"
          onClick={() => app.unsay(message)}
        >
          ×
        </Button>
      </span>
    </div>
  );
}
