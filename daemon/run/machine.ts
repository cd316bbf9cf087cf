import type { Transport } from 'node-tpm2-pts';
import type { Hypervisor } from '../../bindings/hypervisor.ts';
import type { MappedFile } from '../../bindings/mapped-files.ts';

export interface PhysicalMemory {
  /** 32 bits at an address that is a multiple of 4, read at once. */
  word(address: number): number;
  close(): void;
}

/**
 * The Linux machine that the daemon is init of: everything it touches beside the hypervisor and the TPM's commands.
 * `linux-machine.ts` is the real one.
 */
export interface Machine {
  /** Where the measurement log is written, record by record; fresh at each boot. */
  readonly logDirectory: string;
  /** Mounts the file systems that a kernel gives to its init, and returns where. */
  mountFilesystems(): string[];
  /** Loads one kernel module. */
  loadModule(path: string): void;
  /** Reads a whole file. */
  readFile(path: string): Promise<Buffer>;
  /** Takes a whole file of the boot image, once; where it is in memory already, that memory is given. Nobody may write to it. */
  takeFile(path: string): Buffer | MappedFile;
  /** Opens the TPM. */
  openTpm(): Promise<Transport>;
  /** The event log that firmware left, whole; undefined where there is none. */
  firmwareLog(): Promise<Buffer | undefined>;
  /** Reads a whole file of the kernel's own, below /sys or /proc; undefined where there is none. */
  systemFile(path: string): Promise<Buffer | undefined>;
  /** The machine's memory, for reading what is no RAM. */
  physicalMemory(): PhysicalMemory;
  /** Takes the TPM away from this kernel, so that another one can drive it. */
  releaseTpm(): void;
  /** Sees to it that a process of ours gets no more than so many bytes of memory beside what it has. */
  limitGrowth(pid: number, bytes: number): void;
  openHypervisor(): Promise<Hypervisor>;
  /** Ends this domain. Does not return on a real machine. */
  end(how: 'halt' | 'reboot'): void;
}
