/** Text as roff prints it: backslashes and hyphens as such, no line that begins like a request. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replace(/^(?=[.'])/gm, '\\&');
}
