/** The processors: those that run from the start, and those that an operating system may add (ACPI 6.4, 5.2.12). */
import { buffer, byte, device, name, scope, text } from './aml.ts';
import { ACPI_INTERRUPT, type EmulatedHardware } from './fixed.ts';
import { acpiTable } from './table.ts';

export interface Processors {
  vcpus: number;
  /** Not less than `vcpus`. */
  maxVcpus: number;
}

/** Where the local APIC of a domain is (xen/arch/x86: APIC_DEFAULT_PHYS_BASE). */
const LOCAL_APIC_ADDRESS = 0xfee0_0000;

/** The APIC id that Xen gives a vCPU; xc_cpuid_apply_policy says the same in the domain's CPUID. */
const apicId = (vcpu: number): number => vcpu * 2;

/** Odd, so that no processor has it. */
const IO_APIC_ID = 1;

const ENABLED = 1 << 0;
const ONLINE_CAPABLE = 1 << 1;

/** 5.2.12.2 */
function localApic(vcpu: number, flags: number): Buffer {
  return Buffer.of(0, 8, vcpu, apicId(vcpu), flags, 0, 0, 0);
}

/** The MADT. */
export function processorTable(
  { vcpus, maxVcpus }: Processors,
  hardware: EmulatedHardware | undefined,
): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(LOCAL_APIC_ADDRESS);
  const eightOh59Present = 1;
  head.writeUInt32LE(hardware === undefined ? 0 : eightOh59Present, 4);
  const apics = Array.from({ length: maxVcpus }, (_, vcpu) =>
    localApic(vcpu, vcpu < vcpus ? ENABLED : ONLINE_CAPABLE),
  );
  return acpiTable(
    'APIC',
    5,
    Buffer.concat([head, ...apics, ...(hardware ? ioApic(hardware) : [])]),
  );
}

/** 5.2.12.3 and 5.2.12.5: one I/O APIC for all interrupts; ISA's are its first but for the timer's. */
function ioApic({ ioApicAddress }: EmulatedHardware): Buffer[] {
  const controller = Buffer.alloc(12);
  controller.set([1, controller.length, IO_APIC_ID]);
  controller.writeUInt32LE(ioApicAddress, 4);
  const timer = 0;
  const activeHighLevel = 0xd;
  return [
    controller,
    override(timer, 2, 0),
    override(ACPI_INTERRUPT, ACPI_INTERRUPT, activeHighLevel),
  ];
}

function override(isaInterrupt: number, input: number, flags: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.set([2, bytes.length, 0, isaInterrupt]);
  bytes.writeUInt32LE(input, 4);
  bytes.writeUInt16LE(flags, 8);
  return bytes;
}

/**
 * Devices for the processors that may be added. Linux takes those that the MADT does not enable from here: they are
 * present, and offline until somebody brings them up.
 */
export function processorDevices({ vcpus, maxVcpus }: Processors): Buffer {
  if (maxVcpus === vcpus) return Buffer.alloc(0);
  const addable = Array.from({ length: maxVcpus - vcpus }, (_, index) => vcpus + index);
  const devices = addable.map((vcpu) =>
    device(
      `C${vcpu.toString(16).toUpperCase().padStart(3, '0')}`,
      name('_HID', text('ACPI0007')),
      name('_UID', byte(vcpu)),
      // Present, enabled, shown, working (6.3.7).
      name('_STA', byte(0xf)),
      name('_MAT', buffer(localApic(vcpu, ENABLED))),
    ),
  );
  return scope('\\_SB_', ...devices);
}
