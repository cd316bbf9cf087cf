import type { MeasuredFacts } from '../../../boot-scripts/api.ts';
import type { Machine, PhysicalMemory } from '../machine.ts';
import type { BootState } from '../state.ts';
import { listPci } from './pci.ts';
import { secureBoot } from './secure-boot.ts';
import { readSmbios } from './smbios.ts';
import { tpmIdentity } from './tpm-identity.ts';
import { Unknown } from './unknown.ts';

/** Characters of JSON: a thousand PCI devices, and what the log can hold. */
const LONGEST = 96 * 1024;

type Fact = keyof MeasuredFacts;
type Value = NonNullable<MeasuredFacts[Fact]>;

/** Exactly one way for each fact of the API that is measured when a script reads it. */
const ways: { [F in Fact]: (state: BootState) => Promise<NonNullable<MeasuredFacts[F]>> } = {
  async smbios({ machine }) {
    const table = await machine.systemFile('/sys/firmware/dmi/tables/DMI');
    if (table === undefined) throw new Unknown('the machine has no SMBIOS');
    return readSmbios(table) ?? unknown('SMBIOS does not describe the system');
  },
  async pci({ machine }) {
    const mcfg = await machine.systemFile('/sys/firmware/acpi/tables/MCFG');
    if (mcfg === undefined) throw new Unknown('ACPI has no table MCFG');
    const memory = physicalMemory(machine);
    try {
      return listPci(mcfg, (address) => memory.word(address));
    } finally {
      memory.close();
    }
  },
  tpm: ({ tpm }) => tpmIdentity(tpm ?? unknown('the TPM is not open')),
  secureBoot: ({ tpm, firmwareLog }) =>
    secureBoot(tpm ?? unknown('the TPM is not open'), firmwareLog),
  async microcode({ machine }) {
    const text = (await machine.systemFile('/proc/cpuinfo'))?.toString('latin1') ?? '';
    const revision = /^microcode\s*:\s*0x([0-9a-f]+)$/m.exec(text)?.[1];
    return revision ?? unknown('the kernel does not tell the revision');
  },
};

/** What was found out, and why the rest was not. */
export interface CollectedFacts {
  readonly values: MeasuredFacts;
  readonly missing: ReadonlyMap<Fact, string>;
}

/** Looks at the machine as long as domB has it: once domain 0 exists, its memory and ports are no longer domB's to read. */
export async function collectFacts(state: BootState): Promise<CollectedFacts> {
  const missing = new Map<Fact, string>();
  const values: Record<string, Value> = {};
  for (const fact of Object.keys(ways) as Fact[]) {
    try {
      const value = await ways[fact](state);
      if (JSON.stringify(value).length > LONGEST)
        throw new Unknown('it is too long to be measured');
      values[fact] = value;
    } catch (error) {
      missing.set(fact, (error as Error).message);
    }
  }
  return { values: values as MeasuredFacts, missing };
}

function physicalMemory(machine: Machine): PhysicalMemory {
  try {
    return machine.physicalMemory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    // kernel_lockdown(7): Debian's kernel locks itself down where firmware has Secure Boot on.
    return unknown('Linux is locked down, as under Secure Boot, and shows nobody the memory');
  }
}

function unknown(why: string): never {
  throw new Unknown(why);
}
