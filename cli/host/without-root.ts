import { Failure } from '../command.ts';

/** @throws Failure where this is not root, who alone may change how a host boots */
export function withoutRoot(command: string): void {
  if (process.getuid?.() === 0) return;
  throw new Failure(
    `"domb ${command}" changes how this host boots, and this is not root`,
    `run "sudo domb ${command}"`,
  );
}
