import { type Command, command, flagsOf, type Option } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { printLine } from "./program_io.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Command that prints a script with which a shell completes the words of all commands. */
export function completionsCommand(commands: () => readonly Command[]): Command {
  return command({
    name: "completions",
    usage: ["completions bash|zsh|fish"],
    text: "Prints a script that lets a shell complete commands, options and their values. Install it with:",
    operands: {
      bash: "brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet",
      zsh: 'brooklet completions zsh > "${fpath[1]}/_brooklet"',
      fish: "brooklet completions fish > ~/.config/fish/completions/brooklet.fish",
    },
    options: {},
    run({ operands: [shell = "", ...others] }, { stdout }) {
      if (!Object.hasOwn(SCRIPTS, shell) || others.length > 0) {
        throw new ConfigError('Write "brooklet completions bash", "zsh" or "fish"');
      }
      printLine(stdout, SCRIPTS[shell as keyof typeof SCRIPTS](commands())); // It is one of its keys.
      return 0;
    },
  });
}

/** Script for bash, which offers files if there are no words to offer. */
function bashScript(commands: readonly Command[]): string {
  return `_brooklet() {
  local command=serve words=() word previous current last is_joined= is_value= choices=
  # bash splits words at "=": they are put together again.
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ \${#words[@]} -gt 0 && ($word == = || -n $is_joined) ]]; then words[\${#words[@]}-1]+=$word
    else words+=("$word"); fi
    if [[ $word == = ]]; then is_joined=1; else is_joined=; fi
  done
  last=$((\${#words[@]} - 1)) current=\${words[last]} previous=\${words[last-1]}
  case \${words[1]} in ${namesOf(commands).join(" | ")}) command=\${words[1]} ;; esac
  if [[ $current == --*=* ]]; then is_value=1 previous=\${current%%=*} current=\${current#*=}; fi
  case $command:$previous in
${valueCases(commands, (words) => `is_value=1 choices="${words.join(" ")}"`)}
  esac
  if [[ -z $is_value ]]; then
    case $last:$current:$command in
${commands.map((command) => `      *:-*:${command.name}) choices="${allFlags(command).join(" ")}" ;;`).join("\n")}
      1:*) choices="${namesOf(commands).join(" ")}" ;;
${operandCases(commands, "2", (words) => `choices="${words.join(" ")}"`)}
    esac
  fi
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
  if [[ $current == *=* ]]; then COMPREPLY=("\${COMPREPLY[@]#"\${current%=*}="}"); fi
}
complete -o bashdefault -o default -F _brooklet brooklet`;
}

/** Script for zsh: the file is either the function itself, on first use, or read at the start of the shell. */
function zshScript(commands: readonly Command[]): string {
  return `#compdef brooklet
_brooklet() {
  local command=serve previous=\${words[CURRENT - 1]}
  case \${words[2]} in ${namesOf(commands).join(" | ")}) command=\${words[2]} ;; esac
  if compset -P '--*='; then previous=\${IPREFIX%=}; fi
  case $command:$previous in
${valueCases(commands, (words) => `compadd ${words.some(isOpen) ? "-S '' " : ""}-- ${words.join(" ")}; return`)}
  esac
  if [[ -n $IPREFIX ]]; then _files; return; fi
  case $CURRENT:\${words[CURRENT]}:$command in
${commands.map((command) => `    *:-*:${command.name}) compadd -- ${allFlags(command).join(" ")} ;;`).join("\n")}
    2:*) compadd -- ${namesOf(commands).join(" ")} ;;
${operandCases(commands, "3", (words) => `compadd -- ${words.join(" ")}`)}
    *) _files ;;
  esac
}
if [[ \${funcstack[1]} == _brooklet ]]; then _brooklet "$@"; else compdef _brooklet brooklet; fi`;
}

function fishScript(commands: readonly Command[]): string {
  const names = namesOf(commands);
  const lines = [`complete -c brooklet -n __fish_use_subcommand -f -a "${names.join(" ")}"`];
  for (const { name, options, operands } of commands) {
    // Options without a command are those of serve.
    const others = names.filter((other) => other !== name).join(" ");
    const when = name === "serve"
      ? `"not __fish_seen_subcommand_from ${others}"`
      : `"__fish_seen_subcommand_from ${name}"`;
    for (const entry of Object.entries(options)) {
      const flags = flagsOf(entry).map((flag) => flag.replace(/^-(?!-)/, "-s ").replace(/^--/, "-l "));
      lines.push(`complete -c brooklet -n ${when} ${flags.join(" ")}${fishValue(entry[1])}`);
    }
    if (operands !== undefined) {
      lines.push(`complete -c brooklet -n ${when} -a "${Object.keys(operands).join(" ")}"`);
    }
  }
  return lines.join("\n");
}

function fishValue({ value, words }: Option): string {
  if (words !== undefined) return ` -x -a "${words.join(" ")}"`;
  if (value === undefined) return "";
  return /^(?:FILE|PATH|DIRECTORY)$/.test(value) ? " -r -F" : " -x";
}

function namesOf(commands: readonly Command[]): string[] {
  return commands.map(({ name }) => name);
}

function allFlags({ options }: Command): string[] {
  return Object.entries(options).flatMap(flagsOf);
}

/** Cases `serve:-p | serve:--port) ...` for the values of options. */
function valueCases(commands: readonly Command[], offer: (words: readonly string[]) => string): string {
  const cases = commands.flatMap(({ name, options }) =>
    Object.entries(options).flatMap((entry) => {
      const [, { words }] = entry;
      if (words === undefined) return [];
      return [`    ${flagsOf(entry).map((flag) => `${name}:${flag}`).join(" | ")}) ${offer(words)} ;;`];
    })
  );
  return cases.join("\n");
}

/** Cases for the first operand, such as "export" after "storage". */
function operandCases(
  commands: readonly Command[],
  position: string,
  offer: (words: readonly string[]) => string,
): string {
  return commands.flatMap(({ name, operands }) =>
    operands === undefined ? [] : [`    ${position}:*:${name}) ${offer(Object.keys(operands))} ;;`]
  ).join("\n");
}

/** Whether more follows the word. */
function isOpen(word: string): boolean {
  return word.endsWith("=");
}
