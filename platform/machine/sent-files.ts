import { gunzipSync } from 'node:zlib';
import type { Answer } from './answers.ts';

/**
 * The question to dom0 for all files of a directory. Each byte costs a trap on the emulated line, so they come compressed: the
 * sizes and names, an empty line, and the contents one behind the other.
 */
export const sendFiles = (directory: string): string => `
cd ${directory} && {
  for file in *; do echo "$(wc -c <"$file") $file"; done
  echo
  cat *
} | gzip | base64`;

/** The files that an answer to {@link sendFiles} has, by their names. Throws when it is not whole. */
export function sentFiles({ output, status }: Answer): Map<string, Buffer> {
  if (status !== 0) throw new Error(`dom0 cannot send its files: ${output}`);
  const bytes = unpacked(output);
  const end = bytes.indexOf('\n\n');
  const sizes = bytes.toString('utf8', 0, end).split('\n');
  const files = new Map<string, Buffer>();
  let from = end + 2;
  for (const line of sizes) {
    const [, size, name] = /^\s*(\d+) (\S+)$/.exec(line) ?? [];
    if (end === -1 || name === undefined) throw new Error(`dom0 sent no files: ${line}`);
    files.set(name, bytes.subarray(from, from + Number(size)));
    from += Number(size);
  }
  if (from !== bytes.length) {
    throw new Error(`dom0 sent ${bytes.length} bytes, but its files have ${from}`);
  }
  return files;
}

function unpacked(output: string): Buffer {
  try {
    return gunzipSync(Buffer.from(output, 'base64'));
  } catch (error) {
    throw new Error(`dom0 sent no files: ${output.slice(0, 200)}`, { cause: error });
  }
}
