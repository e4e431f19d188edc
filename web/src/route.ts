// The address: "#/projects/NAME".

const kPrefix = "#/projects/";

export function projectInAddress(): string | null {
  if (!location.hash.startsWith(kPrefix)) return null;
  try {
    return decodeURIComponent(location.hash.slice(kPrefix.length)) || null;
  } catch {
    return null; // a malformed escape names no project
  }
}

export function addressOf(project: string): string {
  return kPrefix + encodeURIComponent(project);
}
