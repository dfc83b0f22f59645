import { type Signal, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;

export type ThemeName = typeof THEMES[number];

const KEY = "brooklet-theme";

/** Colours: those of the system, or one scheme that is kept in this browser. */
export class Theme {
  readonly name: Signal<ThemeName> = signal(kept());

  constructor() {
    this.#show();
  }

  choose(name: ThemeName): void {
    this.name.value = name;
    this.#show();
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // Storage may be off: then it holds for this tab.
    }
  }

  #show(): void {
    const { dataset } = document.documentElement;
    if (this.name.value === "system") delete dataset["theme"];
    else dataset["theme"] = this.name.value;
  }
}

function kept(): ThemeName {
  try {
    const name = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === name) ?? "system";
  } catch {
    return "system"; // Storage may be off.
  }
}
