import { configurationOf } from "../../../src/cli/config/configuration.ts";
import type { Override } from "../../../src/cli/config/configuration.ts";
import { readConfiguration } from "../../../src/cli/config/file.ts";
import type { Configuration } from "../../../src/cli/config/settings.ts";
import { ConfigError } from "../../../src/cli/config_error.ts";

/** A folder with configuration files, which goes away with it. */
export class ConfigurationFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  /** Writes a file; gives its path. Folders in its name are made. */
  write(name: string, text: string): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** The configuration of a text, in a file of this name. */
  read(name: string, text: string, overrides: readonly Override[] = []): Configuration {
    return configurationOf(readConfiguration(this.write(name, text)), overrides);
  }

  warnings(name: string, text: string): string[] {
    return readConfiguration(this.write(name, text)).warnings.map((warning) => this.withoutPath(warning));
  }

  /** Everything that is wrong with a text; paths begin in this folder. */
  complaints(name: string, text: string, overrides: readonly Override[] = []): string[] {
    try {
      this.read(name, text, overrides);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return [error.message, ...error.others].map((message) => this.withoutPath(message));
    }
  }

  withoutPath(message: string): string {
    return message.replaceAll(`${this.path}/`, "");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
