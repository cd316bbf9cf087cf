import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `hash-share`, beside this module in source as in a bundle; without it everything is hashed in one process. */
export const hashProgram: string | undefined = fileURLToPath(
  new URL(`hash-share${extname(import.meta.url)}`, import.meta.url),
);
