#!/usr/bin/env node
import { once } from 'node:events';
import { domb } from './domb.ts';

// A reader that closes the pipe early, such as head, has seen what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await domb(process.argv.slice(2), {
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  async read() {
    const chunks: Buffer[] = [];
    process.stdin.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(process.stdin, 'end');
    return Buffer.concat(chunks);
  },
  // https://no-color.org: any value that is not empty.
  colour: !process.env.NO_COLOR && process.stderr.isTTY === true,
});
