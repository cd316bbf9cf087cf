import { readFileSync } from 'node:fs';
import { limitData } from './libc.ts';

/**
 * Bounds what a process can still take of memory: its private data, whoever in it asks for it - heap, buffers, stacks, compiled
 * code. What is shared with nobody counts, what is only reserved does not (RLIMIT_DATA, getrlimit(2); Linux, mm/mmap.c,
 * may_expand_vm).
 * @param pid of the process, which is ours
 * @param bytes beside what it has now
 */
export function limitGrowth(pid: number, bytes: number): void {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const data = /^VmData:\s*(\d+) kB$/m.exec(status)?.[1];
  if (data === undefined) throw new Error(`/proc/${pid}/status: there is no VmData`);
  limitData(pid, Number(data) * 1024 + bytes);
}
