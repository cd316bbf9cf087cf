import { setTimeout as sleep } from 'node:timers/promises';
import type { Hardware } from './exposed-hardware.ts';

/** Where q35's firmware puts the configuration space of PCI devices (MCFG). */
const CONFIGURATION_SPACE = 0xb000_0000;
/** PCI 3.0, 6.1: command register, memory space and bus master in it; the first base address. */
const COMMAND = 0x04;
const MEMORY_AND_MASTER = 6;
const FIRST_BAR = 0x10;

/** Registers of the device, and its buffer as it addresses it (docs/specs/edu.txt in QEMU). */
const SOURCE = 0x80;
const DESTINATION = 0x88;
const COUNT = 0x90;
const DMA_COMMAND = 0x98;
const BUFFER = 0x40000;
const START = 1;
const TO_MEMORY = 2;

/** QEMU's device `edu`, which reads and writes memory by itself on command. This one obeys nobody but the test. */
export class DmaDevice {
  /** Bytes that it moves at once. Its check of the buffer's end is off by one. */
  static readonly bytes = 1024;
  readonly #hardware: Hardware;
  readonly #configuration: number;

  /** @param slot on the first bus */
  constructor(hardware: Hardware, slot: number) {
    this.#hardware = hardware;
    this.#configuration = CONFIGURATION_SPACE + slot * 0x8000;
  }

  /** What makes it, as QEMU's option -device takes it: it addresses all of memory, not 256 MiB only. */
  static argument(slot: number): string {
    return `edu,addr=${slot.toString(16).padStart(2, '0')}.0,dma_mask=0xffffffffffff`;
  }

  /** Takes memory into its buffer. */
  async take(address: number): Promise<void> {
    await this.#move(address, BUFFER, START);
  }

  /** Puts its buffer into memory. */
  async put(address: number): Promise<void> {
    await this.#move(BUFFER, address, START | TO_MEMORY);
  }

  async #move(from: number, to: number, command: number): Promise<void> {
    const hardware = this.#hardware;
    // Who has the device may have taken that away, Xen after several faults for one.
    await hardware.write(this.#configuration + COMMAND, 'w', MEMORY_AND_MASTER);
    const bar = Number((await hardware.read(this.#configuration + FIRST_BAR, 'l')) & ~0xfn);
    await hardware.write(bar + SOURCE, 'q', from);
    await hardware.write(bar + DESTINATION, 'q', to);
    await hardware.write(bar + COUNT, 'q', DmaDevice.bytes);
    await hardware.write(bar + DMA_COMMAND, 'q', command);
    // It takes 100 ms of the machine's time.
    while (((await hardware.read(bar + DMA_COMMAND, 'q')) & BigInt(START)) !== 0n) await sleep(20);
  }
}
