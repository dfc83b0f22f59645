import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

type Tone = "good" | "warn" | "bad" | "none";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: () => void;
  /** Only one of a group. */
  readonly isPrimary?: boolean;
  readonly isDangerous?: boolean;
  readonly isSmall?: boolean;
  readonly isDisabled?: boolean;
  /** State of a button that stays pressed. */
  readonly isPressed?: boolean;
  readonly isSubmit?: boolean;
  /** Name for screen readers where the text does not say enough. */
  readonly label?: string;
}

export function Button(props: ButtonProps) {
  return (
    <button
      type={props.isSubmit ? "submit" : "button"}
      class={classes("button", {
        "is-primary": props.isPrimary,
        "is-dangerous": props.isDangerous,
        "is-small": props.isSmall,
      })}
      disabled={props.isDisabled}
      aria-pressed={props.isPressed}
      aria-label={props.label}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

/** Label over a control. */
export function Field({ label, hint, children, isWide }: {
  readonly label: ComponentChildren;
  readonly hint?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly isWide?: boolean;
}) {
  return (
    <label class={classes("field", { wide: isWide })}>
      <span class="label">{label}</span>
      {children}
      {hint !== undefined && <span class="note">{hint}</span>}
    </label>
  );
}

interface TextInputProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly type?: "text" | "search" | "password" | "number";
  readonly name?: string;
  readonly placeholder?: string;
  readonly autoComplete?: string;
  readonly isRequired?: boolean;
  readonly isGrowing?: boolean;
  readonly isMono?: boolean;
  /** Name for screen readers where no {@linkcode Field} is around it. */
  readonly label?: string;
}

export function TextInput(props: TextInputProps) {
  // Each type of an input has attributes of its own; these are the same for all four.
  const type = { type: props.type ?? "text" } as { type: "text" };
  return (
    <input
      {...type}
      spellcheck={false}
      autocapitalize="none"
      autocomplete={props.autoComplete ?? "off"}
      name={props.name}
      placeholder={props.placeholder}
      required={props.isRequired}
      aria-label={props.label}
      class={classes("input", { grow: props.isGrowing, mono: props.isMono })}
      value={props.value}
      onInput={(event) => props.onValue(event.currentTarget.value)}
    />
  );
}

export function Select<Value extends string>(
  { value, onValue, options, label, isWide }: {
    readonly value: Value;
    readonly onValue: (value: Value) => void;
    /** Values with their words. */
    readonly options: readonly (readonly [Value, string])[];
    /** Name for screen readers where no {@linkcode Field} is around it. */
    readonly label?: string;
    readonly isWide?: boolean;
  },
) {
  return (
    <select
      class={classes("input", { wide: isWide })}
      aria-label={label}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value as Value)} // One of the options.
    >
      {options.map(([option, words]) => <option key={option} value={option}>{words}</option>)}
    </select>
  );
}

export function Checkbox({ isChecked, onChange, children }: {
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
  readonly children: ComponentChildren;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {children}
    </label>
  );
}

/** Choice of one of a few views. */
export function Tabs<Name extends string>({ name, names, onName, label }: {
  readonly name: Name;
  /** Names, which are also the words, or pairs of both. */
  readonly names: readonly (Name | readonly [Name, string])[];
  readonly onName: (name: Name) => void;
  readonly label: string;
}) {
  return (
    <div class="tabs" role="group" aria-label={label}>
      {names.map((row) => {
        const [own, words] = typeof row === "string" ? [row, row] : row;
        return (
          <button
            key={own}
            type="button"
            aria-pressed={own === name}
            onClick={() => onName(own)}
          >
            {words}
          </button>
        );
      })}
    </div>
  );
}

export function Dot({ tone }: { readonly tone: Tone }) {
  return <span class={`dot is-${tone}`} aria-hidden="true" />;
}

export function Badge(
  { tone = "none", children }: {
    readonly tone?: Tone;
    readonly children: ComponentChildren;
  },
) {
  return <span class={`badge is-${tone}`}>{children}</span>;
}

/** Name that a client chose: text, whose direction does not reach its surroundings. */
export function Name(
  { children, isMono = true }: {
    readonly children: string;
    readonly isMono?: boolean;
  },
) {
  return (
    <bdi class={classes("", { mono: isMono })} title={children}>
      {children === "" ? "(empty)" : children}
    </bdi>
  );
}

export function Pane(
  { title, note, tools, children, isFlush, className = "" }: {
    readonly title?: ComponentChildren;
    readonly note?: ComponentChildren;
    readonly tools?: ComponentChildren;
    readonly children: ComponentChildren;
    /** Without space around what is in it, for lists. */
    readonly isFlush?: boolean;
    readonly className?: string;
  },
) {
  const id = useId();
  return (
    <section
      class={`pane ${className}`}
      aria-labelledby={title === undefined ? undefined : id}
    >
      {title !== undefined && (
        <div class="pane-head">
          <h2 id={id} class="cut">{title}</h2>
          {note !== undefined && <span class="note">{note}</span>}
          {tools !== undefined && <span class="push row">{tools}</span>}
        </div>
      )}
      {isFlush ? children : (
        <div class="pane-body" tabIndex={0} role="group" aria-labelledby={id}>
          {children}
        </div>
      )}
    </section>
  );
}

/** Pairs of name and value, each a {@linkcode Fact}. */
export function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

/** Name and value; nothing where the value is not there. */
export function Fact(
  { name, children }: {
    readonly name: string;
    readonly children: ComponentChildren;
  },
) {
  if (children === undefined || children === null || children === false) {
    return null;
  }
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

export function Banner({ title, children, isWarning }: {
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
  readonly isWarning?: boolean;
}) {
  return (
    <div class={classes("banner", { "is-warn": isWarning })} role="alert">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** Command line that can be copied. */
export function Command({ children }: { readonly children: string }) {
  return (
    <div class="command">
      <code>{children}</code>
      <CopyButton text={children} />
    </div>
  );
}

export function CopyButton({ text, children = "Copy" }: {
  readonly text: string | (() => string);
  readonly children?: ComponentChildren;
}) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), 2000) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () => {
    void copyText(typeof text === "string" ? text : text()).then(setCopied);
  };
  return <Button isSmall onClick={copy}>{isCopied ? "Copied" : children}</Button>;
}

/** Class names, with those whose condition holds. */
export function classes(
  first: string,
  rest: Readonly<Record<string, boolean | undefined>>,
): string {
  return [first, ...Object.keys(rest).filter((name) => rest[name])].join(" ");
}

/** Copies text; on plain HTTP, where the browser has no clipboard, by a selection. Gives whether it could. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without TLS, or not allowed.
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
