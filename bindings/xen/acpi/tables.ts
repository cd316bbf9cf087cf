/**
 * ACPI tables of a PVH or HVM domain. Nothing in a domain without a device model has to be enumerated; what an operating
 * system learns from the tables is how many processors there are, and for HVM which timers and interrupt controllers
 * Xen itself emulates.
 */
import type { EmulatedHardware } from './fixed.ts';
import { firmwareControl, fixedDescription } from './fixed.ts';
import { hpet } from './hpet.ts';
import type { Processors } from './processors.ts';
import { processorDevices, processorTable } from './processors.ts';
import { acpiTable, ROOT_POINTER_BYTES, rootPointer } from './table.ts';

export interface AcpiDescription extends Processors {
  /** Undefined for a PVH domain, which has none of ACPI's fixed hardware. */
  hardware?: EmulatedHardware;
}

/** The tables in one piece, which begins with the root pointer. @param base guest-physical address that it is made for */
export function acpiTables(base: number, description: AcpiDescription): Buffer {
  const { hardware } = description;
  const pieces: Buffer[] = [];
  let end = 0;
  const put = (bytes: Buffer, alignment = 16): number => {
    const start = Math.ceil(end / alignment) * alignment;
    pieces.push(Buffer.alloc(start - end), bytes);
    end = start + bytes.length;
    return base + start;
  };

  const pointer = Buffer.alloc(ROOT_POINTER_BYTES);
  put(pointer);
  const dsdtAt = put(acpiTable('DSDT', 2, processorDevices(description)));
  const facsAt = hardware && put(firmwareControl(), 64);
  const tables = [
    put(fixedDescription({ dsdtAt, ...(hardware && { facsAt, hardware }) })),
    put(processorTable(description, hardware)),
    ...(hardware ? [put(hpet(hardware.hpetAddress))] : []),
  ];
  const addresses = Buffer.alloc(8 * tables.length);
  tables.forEach((address, index) => {
    addresses.writeBigUInt64LE(BigInt(address), 8 * index);
  });
  rootPointer(put(acpiTable('XSDT', 1, addresses))).copy(pointer);
  return Buffer.concat(pieces);
}
