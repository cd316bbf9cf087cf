import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a machine's only processor was, at one moment. */
export interface Sample {
  /** Milliseconds of performance.now(). */
  at: number;
  address: bigint;
  halted: boolean;
}

/** Asks QEMU's monitor again and again where the processor is, until it is told to stop. */
export async function sampled(
  socket: string,
  every: number,
  until: Promise<unknown>,
): Promise<Sample[]> {
  let over = false;
  void until.finally(() => {
    over = true;
  });
  while (!existsSync(socket)) await sleep(20);
  const monitor = connect(socket).setEncoding('latin1');
  await once(monitor, 'connect');
  const samples: Sample[] = [];
  let said = '';
  monitor.on('data', (text: string) => {
    said += text;
  });
  while (!over) {
    said = '';
    monitor.write('info registers\n');
    while (!over && !/EFER=.*\(qemu\) $/s.test(said)) await sleep(1);
    const [, address] = /RIP=([0-9a-f]{16})/.exec(said) ?? [];
    if (address === undefined) continue;
    samples.push({
      at: performance.now(),
      address: BigInt(`0x${address}`),
      halted: /HLT=1/.test(said),
    });
    await sleep(every);
  }
  monitor.destroy();
  return samples;
}
