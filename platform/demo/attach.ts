import { connect } from 'node:net';

/** Ctrl-], as in telnet and in `xl console`. */
const ESCAPE = 0x1d;

/**
 * Connects this terminal to the line at the UNIX socket `path`: every key goes there, until Ctrl-] is pressed or the machine
 * ends. Fails without a terminal, and when nobody has such a line.
 */
export async function attach(path: string, line: string): Promise<void> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) throw new Error('--attach needs a terminal, and standard input is none');
  const machine = connect(path);
  await new Promise<void>((resolve, reject) => {
    machine.once('connect', resolve).once('error', () => {
      reject(
        new Error('no machine was kept here: "npm run demo -- --keep" boots one and leaves it'),
      );
    });
  });
  stdout.write(`This is ${line}. Ctrl-] leaves it.\n`);
  stdin.setRawMode(true);
  try {
    const why = await new Promise<string>((resolve) => {
      machine.on('error', () => {}).on('close', () => resolve('The machine has ended.'));
      machine.on('data', (said: Buffer) => stdout.write(said));
      stdin.on('end', () => resolve('The terminal is gone.'));
      stdin.on('data', (typed: Buffer) => {
        const end = typed.indexOf(ESCAPE);
        machine.write(end < 0 ? typed : typed.subarray(0, end));
        if (end >= 0) resolve('Left; the machine runs on.');
      });
    });
    stdout.write(`\n${why}\n`);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    machine.end();
  }
}
