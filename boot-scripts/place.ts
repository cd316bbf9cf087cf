import vm from 'node:vm';

/** Where in the script an error arose, as `file:line:column`, or as much of that as is known. */
export function placeIn(file: string, { stack = '' }: { stack?: string }): string {
  const start = stack.indexOf(`${file}:`);
  if (start < 0) return file;
  const [, numbers = ''] = /^((?::\d+){1,2})/.exec(stack.slice(start + file.length)) ?? [];
  return `${file}${numbers}`;
}

/**
 * The line of a syntax error, as `file:line`. Node tells it for TypeScript and for classic scripts, but not for modules: so
 * the source is compiled once more as the body of a function, its exports blanked out.
 */
export function placeOfSyntaxError(
  file: string,
  source: string,
  error: { name: string; stack: string },
): string | undefined {
  if (error.name !== 'SyntaxError') return undefined;
  const known = placeIn(file, error);
  const [, line] = /^:(\d+)/.exec(error.stack.split('\n', 1)[0] ?? '') ?? [];
  if (line !== undefined) return `${file}:${line}`;
  if (known !== file) return known;
  const body = source
    .replaceAll(/^export default\b/gm, 'x =')
    .replaceAll(/^export\b/gm, '')
    .replaceAll(/^import\b.*$/gm, '');
  try {
    new vm.Script(`'use strict'; async () => {${body}\n}`, { filename: file });
  } catch (again) {
    return placeIn(file, again as Error);
  }
  return undefined;
}
