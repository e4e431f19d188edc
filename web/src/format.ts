// Figures and instants as text. Unknown is "–" everywhere.

export const kUnknown = "–";

export function count(value: number | null): string {
  return value === null ? kUnknown : value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

export function fixed(value: number | null, digits: number): string {
  return value === null ? kUnknown : value.toFixed(digits).replace("-", "−");
}

/** A metric of any size: four decimals, or none where they would say nothing. */
export function metric(value: number | null): string {
  return value !== null && (Number.isInteger(value) || Math.abs(value) >= 1000) ? count(value) : fixed(value, 4);
}

export function signed(value: number, digits: number): string {
  return (value > 0 ? "+" : "") + fixed(value, digits);
}

export function milliseconds(value: number | null): string {
  if (value === null) return kUnknown;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export function percent(fraction: number | null): string {
  return fraction === null ? kUnknown : `${Math.round(fraction * 100)} %`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function dateTimeFormat(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    const options: Intl.DateTimeFormatOptions = {
      year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    };
    try {
      format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone || "UTC" });
    } catch {
      format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }); // a zone that this browser does not know
    }
    formats.set(zone, format);
  }
  return format;
}

/** An RFC 3339 instant in a time zone: "14 Jul 2013, 09:05". */
export function instant(value: string, zone: string): string {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value || kUnknown : dateTimeFormat(zone).format(date);
}

/** The day of an instant in a time zone: "14 Jul 2013". */
export function day(value: string, zone: string): string {
  return instant(value, zone).split(",")[0] ?? value;
}

const kMonths = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "2013-04" as "Apr 2013"; `short` leaves the year out. */
export function monthName(value: string, short = false): string {
  const [year, month] = value.split("-");
  const name = kMonths[Number(month) - 1];
  if (name === undefined) return value;
  return short ? name : `${name} ${year}`;
}

/** "2013-04-09" as "9 Apr 2013". */
export function dayName(value: string): string {
  const day = Number(value.split("-")[2]);
  return Number.isInteger(day) ? `${day} ${monthName(value)}` : value;
}

/** "1 request", "2 requests". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
