const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
// deno-fmt-ignore
const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
] as const;
const DAY_MS = 86_400_000;

/** Moment by the clock of this machine. */
export interface Moment {
  readonly date: Date;
  /** Nanoseconds of the current second. */
  readonly nanoseconds: number;
}

/** Current moment. */
export function momentNow(): Moment {
  const now = Temporal.Now.instant();
  const nanoseconds = Number(now.epochNanoseconds % 1_000_000_000n);
  return { date: new Date(now.epochMilliseconds), nanoseconds };
}

/** Result of strftime(3) in the C locale for `%` and this character, in local time; `N` gives nanoseconds. */
export function strftime(character: string, { date, nanoseconds }: Moment): string {
  const inner = (format: string) =>
    format.replace(/%(.)/g, (_, character: string) => strftime(character, { date, nanoseconds }));
  const hour12 = date.getHours() % 12 || 12;
  switch (character) {
    case "a":
      return dayName(date).slice(0, 3);
    case "A":
      return dayName(date);
    case "b":
    case "h":
      return monthName(date).slice(0, 3);
    case "B":
      return monthName(date);
    case "c":
      return inner("%a %b %e %H:%M:%S %Y");
    case "D":
    case "x":
      return inner("%m/%d/%y");
    case "F":
      return inner("%Y-%m-%d");
    case "r":
      return inner("%I:%M:%S %p");
    case "R":
      return inner("%H:%M");
    case "T":
    case "X":
      return inner("%H:%M:%S");
    case "e":
      return `${date.getDate()}`.padStart(2);
    case "k":
      return `${date.getHours()}`.padStart(2);
    case "l":
      return `${hour12}`.padStart(2);
    case "p":
      return date.getHours() < 12 ? "AM" : "PM";
    case "P":
      return date.getHours() < 12 ? "am" : "pm";
    case "n":
      return "\n";
    case "t":
      return "\t";
    case "%":
      return "%";
    case "N":
      return `${nanoseconds}`.padStart(9, "0");
    case "z":
      return offset(date);
    case "Z":
      return zoneName(date);
    default:
      return number(character, date, hour12) ?? `%${character}`;
  }
}

function number(character: string, date: Date, hour12: number): string | undefined {
  const two = (value: number) => `${value}`.padStart(2, "0");
  const day = date.getDay();
  const dayOfYear = daysIntoYear(date.getFullYear(), date.getMonth(), date.getDate());
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (day || 7)); // ISO 8601: of this week.
  switch (character) {
    case "C":
      return two(Math.floor(date.getFullYear() / 100));
    case "d":
      return two(date.getDate());
    case "g":
      return two(thursday.getFullYear() % 100);
    case "G":
      return `${thursday.getFullYear()}`;
    case "H":
      return two(date.getHours());
    case "I":
      return two(hour12);
    case "j":
      return `${dayOfYear + 1}`.padStart(3, "0");
    case "m":
      return two(date.getMonth() + 1);
    case "M":
      return two(date.getMinutes());
    case "s":
      return `${Math.floor(date.getTime() / 1_000)}`;
    case "S":
      return two(date.getSeconds());
    case "u":
      return `${day || 7}`;
    case "U":
      return two(Math.floor((dayOfYear + 7 - day) / 7));
    case "V":
      return two(
        Math.floor(daysIntoYear(thursday.getFullYear(), thursday.getMonth(), thursday.getDate()) / 7) + 1,
      );
    case "w":
      return `${day}`;
    case "W":
      return two(Math.floor((dayOfYear + 7 - (day + 6) % 7) / 7));
    case "y":
      return two(date.getFullYear() % 100);
    case "Y":
      return `${date.getFullYear()}`;
    default:
      return undefined;
  }
}

function daysIntoYear(year: number, month: number, day: number): number {
  return (Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / DAY_MS;
}

function dayName(date: Date): string {
  return DAYS[date.getDay()] ?? ""; // There are seven.
}

function monthName(date: Date): string {
  return MONTHS[date.getMonth()] ?? ""; // There are twelve.
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const digits = Math.floor(Math.abs(minutes) / 60) * 100 + Math.abs(minutes) % 60;
  return `${minutes < 0 ? "-" : "+"}${`${digits}`.padStart(4, "0")}`;
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}
