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

/** What the emulator had done at one moment. */
export interface Translated {
  /** Milliseconds of performance.now(). */
  at: number;
  /** Blocks of instructions that it had translated. */
  blocks: number;
  /** How often it had to forget addresses that it had looked up. */
  flushes: number;
}

/** How often the emulator is asked what it has done, in milliseconds. */
const EVERY_TRANSLATED = 250;

/** Asks QEMU's monitor again and again where the processor is, and what was translated, until it is told to stop, or that fails. */
export async function sampled(
  socket: string,
  every: number,
  until: Promise<unknown>,
): Promise<{ samples: Sample[]; translated: Translated[] }> {
  let over = false;
  const end = () => {
    over = true;
  };
  // Why it failed is for whoever awaits it.
  until.then(end, end);
  while (!existsSync(socket)) await sleep(20);
  const monitor = connect(socket).setEncoding('latin1');
  await once(monitor, 'connect');
  let said = '';
  monitor.on('data', (text: string) => {
    said += text;
  });
  const ask = async (command: string, whole: RegExp): Promise<RegExpExecArray | null> => {
    said = '';
    monitor.write(`${command}\n`);
    while (!over && !whole.test(said)) await sleep(1);
    return whole.exec(said);
  };
  const samples: Sample[] = [];
  const translated: Translated[] = [];
  for (let last = 0; !over; await sleep(every)) {
    const at = performance.now();
    if (at - last > EVERY_TRANSLATED) {
      const [, blocks, all, some] =
        (await ask(
          'info jit',
          /TB count +(\d+).*TLB full flushes +(\d+).*TLB partial flushes +(\d+).*\(qemu\) $/s,
        )) ?? [];
      translated.push({ at, blocks: Number(blocks), flushes: Number(all) + Number(some) });
      last = at;
    }
    const registers = await ask(
      'info registers',
      /[RE]IP=([0-9a-f]+).*HLT=(\d).*EFER=.*\(qemu\) $/s,
    );
    const [, address = '', halted] = registers ?? [];
    if (address !== '') {
      samples.push({
        at: performance.now(),
        address: BigInt(`0x${address}`),
        halted: halted === '1',
      });
    }
  }
  monitor.destroy();
  return { samples, translated };
}
