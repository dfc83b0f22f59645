/**
 * Addresses of the sections of the specification. The anchors of its HTML are numbers that rise by one with each heading of
 * the table of contents, so the headings in their order give them.
 */

interface Specification {
  readonly page: string;
  /** Number of the first heading of the list. */
  readonly first: number;
  readonly headings: readonly string[];
}

const MQTT_5: Specification = {
  page: "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html",
  first: 3_901_006,
  headings: headingsOf(
    "1.5 1.5.1-7 1.6 1.7 1.8 1.8.1-2 2 2.1 2.1.1-4 2.2 2.2.1-2 2.2.2.1-2 2.3 2.4 3 3.1 3.1.1-2 3.1.2.1-11 3.1.2.11.1-10 3.1.2.12 3.1.3 3.1.3.1-2 " +
      "3.1.3.2.1-8 3.1.3.3-6 3.1.4 3.2 3.2.1-2 3.2.2.1 3.2.2.1.1 3.2.2.2-3 3.2.2.3.1-18 3.2.3 3.3 3.3.1 3.3.1.1-4 " +
      "3.3.2 3.3.2.1-3 3.3.2.3.1-9 3.3.3-4 3.4 3.4.1-2 3.4.2.1-2 3.4.2.2.1-3 3.4.3-4 3.5 3.5.1-2 3.5.2.1-2 " +
      "3.5.2.2.1-3 3.5.3-4 3.6 3.6.1-2 3.6.2.1-2 3.6.2.2.1-3 3.6.3-4 3.7 3.7.1-2 3.7.2.1-2 3.7.2.2.1-3 3.7.3-4 " +
      "3.8 3.8.1-2 3.8.2.1 3.8.2.1.1-3 3.8.3 3.8.3.1 3.8.4 3.9 3.9.1-2 3.9.2.1 3.9.2.1.1-3 3.9.3 3.10 3.10.1-2 " +
      "3.10.2.1 3.10.2.1.1-2 3.10.3-4 3.11 3.11.1-2 3.11.2.1 3.11.2.1.1-3 3.11.3 3.12 3.12.1-4 3.13 3.13.1-4 3.14 " +
      "3.14.1-2 3.14.2.1-2 3.14.2.2.1-5 3.14.3-4 3.15 3.15.1-2 3.15.2.1-2 3.15.2.2.1-5 3.15.3-4 4 " +
      "4.1 4.1.1-2 4.2 4.3 4.3.1-3 4.4 4.5 4.6 4.7 4.7.1 4.7.1.1-3 4.7.2-3 4.8 4.8.1-2 4.9 4.10 4.10.1-2 4.11 4.12 4.12.1 4.13 4.13.1-2",
  ),
};
const MQTT_3_1_1: Specification = {
  page: "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html",
  first: 398_718_018,
  headings: headingsOf(
    "2 2.1 2.2 2.2.1-3 2.3 2.3.1 2.4 3 3.1 3.1.1-4 3.2 3.2.1-3 3.3 3.3.1-5 3.4 3.4.1-4 3.5 3.5.1-4 3.6 3.6.1-4 3.7 " +
      "3.7.1-4 3.8 3.8.1-4 3.9 3.9.1-3 3.10 3.10.1-4 3.11 3.11.1-3 3.12 3.12.1-4 3.13 3.13.1-3 3.14 3.14.1-4",
  ),
};
const MQTT_3_1_PAGE = "https://public.dhe.ibm.com/software/dw/webservices/ws-mqtt/mqtt-v3r1.html";

/** Address of a section or statement, such as `MQTT 5 3.1.2.10` or `MQTT-3.3.1-4`; the latter counts in MQTT 5. */
export function specificationLink(reference: string): string | undefined {
  const statement = /^MQTT-([\d.]+)-\d+$/.exec(reference)?.[1];
  if (statement !== undefined) return linkOf(MQTT_5, statement);
  const [, version, section] = /^MQTT (?:(5|3\.1\.1|3\.1) )?(\d+(?:\.\d+)*)$/.exec(reference) ?? [];
  if (section === undefined) return undefined;
  if (version === "3.1") return MQTT_3_1_PAGE;
  return linkOf(version === "3.1.1" ? MQTT_3_1_1 : MQTT_5, section);
}

/** Link to the section, or to the nearest one above it that has an anchor. */
function linkOf(
  { page, first, headings }: Specification,
  section: string,
): string {
  for (
    let wanted = section;
    wanted !== "";
    wanted = wanted.slice(0, Math.max(0, wanted.lastIndexOf(".")))
  ) {
    const index = headings.indexOf(wanted);
    if (index !== -1) return `${page}#_Toc${first + index}`;
  }
  return page;
}

/** Headings of a list in which `3.1.1-3` stands for three. */
function headingsOf(list: string): string[] {
  return list.split(" ").flatMap((item) => {
    const [, parent = "", from, to] = /^(.*\.)(\d+)-(\d+)$/.exec(item) ?? [];
    if (to === undefined) return [item];
    return Array.from(
      { length: Number(to) - Number(from) + 1 },
      (_, index) => `${parent}${Number(from) + index}`,
    );
  });
}
