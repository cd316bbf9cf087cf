/** Options of Xen's command line as Xen reads them (_cmdline_parse and parse_boolean in xen/common/kernel.c). */

const FALSE = ['0', 'no', 'off', 'false', 'disable'];
const TRUE = ['1', 'yes', 'on', 'true', 'enable'];

/** Whether a value says no. */
export const isFalse = (value: string): boolean => FALSE.includes(value);

/** Whether it says yes. */
export const isTrue = (value: string): boolean => TRUE.includes(value);

/** The values that an option is given, in order: none for a name alone, and `no` where that has the prefix `no-`. */
export function valuesOf(commandLine: string, option: string): string[] {
  return commandLine.split(' ').flatMap((word) => {
    if (word === option) return [''];
    if (word === `no-${option}`) return ['no'];
    return word.startsWith(`${option}=`) ? [word.slice(option.length + 1)] : [];
  });
}

/** What the last part of an option's lists that names `flag` says of it; undefined where none does. */
export function flagIn(parts: readonly string[], flag: string): boolean | undefined {
  return parts
    .map((part) => {
      if (part === flag) return true;
      if (part === `no-${flag}`) return false;
      const value = part.startsWith(`${flag}=`) ? part.slice(flag.length + 1) : '';
      if (isTrue(value)) return true;
      return isFalse(value) ? false : undefined;
    })
    .findLast((said) => said !== undefined);
}
