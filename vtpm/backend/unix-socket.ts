import { readFile } from 'node:fs/promises';

/** __SO_ACCEPTCON in the column Flags of /proc/net/unix: listen(2) was called. */
const accepting = '00010000';

/**
 * True when a program listens on the UNIX socket `path`. The file alone says too little: bind(2) makes it, and whoever
 * connects before listen(2) is refused.
 */
export async function isListening(path: string): Promise<boolean> {
  const table = await readFile('/proc/net/unix', 'utf8');
  return table.split('\n').some((line) => {
    const fields = line.split(' ').filter(Boolean);
    return fields[3] === accepting && fields.slice(7).join(' ') === path;
  });
}
