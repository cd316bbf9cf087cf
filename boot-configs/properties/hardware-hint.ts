/** What to do about a property that the hardware domain can't have. It may have it from `defaults`, where others need it. */
export function hintForHardware(property: string, value: string): string {
  return `remove "${property}"; where it comes from "defaults", write "${property}: ${value}" for the hardware domain`;
}
