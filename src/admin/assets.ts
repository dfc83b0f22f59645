import style from "./built/page.css" with { type: "text" };
import page from "./built/index.html" with { type: "text" };
import script from "./built/page.js" with { type: "text" };

interface Asset {
  readonly contentType: string;
  readonly text: string;
}

/** Files of the page, by their path below the base of the dashboard. A path that is not a row gives nothing. */
const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["", { contentType: "text/html; charset=utf-8", text: page }],
  ["page.css", { contentType: "text/css; charset=utf-8", text: style }],
  ["page.js", { contentType: "text/javascript; charset=utf-8", text: script }],
]);

/** The page of the dashboard, which `deno task page` has bundled. */
export class Assets {
  /** Entity tags, made when a file is first asked for. */
  readonly #tags = new Map<Asset, Promise<string>>();

  /**
   * Answers GET and HEAD for a path below the base, which has no slash in front; `undefined`: there is no such file.
   * Browsers ask each time whether a file is still the same, so that a new version of the broker is seen at once.
   */
  async respond({ method, headers: asked }: Request, path: string): Promise<Response | undefined> {
    const asset = ASSETS.get(path);
    if (asset === undefined) return undefined;
    const tag = await this.#tagOf(asset);
    const headers = { "content-type": asset.contentType, "cache-control": "no-cache", etag: tag };
    if (isSame(asked.get("if-none-match"), tag)) return new Response(null, { status: 304, headers });
    return new Response(method === "HEAD" ? null : asset.text, { headers });
  }

  #tagOf(asset: Asset): Promise<string> {
    let tag = this.#tags.get(asset);
    if (tag === undefined) this.#tags.set(asset, tag = tagOf(asset.text));
    return tag;
  }
}

/** Whether one of the tags of If-None-Match is this one; a server that compresses makes weak ones of them. */
function isSame(field: string | null, tag: string): boolean {
  return field?.split(",").some((other) => other.trim().replace(/^W\//, "") === tag) ?? false;
}

async function tagOf(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `"${hash.subarray(0, 16).toHex()}"`;
}
