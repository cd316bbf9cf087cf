import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xenSerial } from '../../../boot-configs/checks/xen-serial.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { firstDomainKiB, xenSerialPorts } from '../../../domains/xen-options.ts';
import { dom0, guest, manifest } from './support.ts';

test('Xen uses the serial ports that its console or their own settings name', () => {
  const com1 = { name: 'com1', first: 0x3f8, irq: 4 };
  const com2 = { name: 'com2', first: 0x2f8, irq: 3 };
  for (const [options, ports] of [
    ['', []],
    ['loglvl=all console=vga', []],
    ['console=com1', [com1]],
    ['console=com1H,vga com1=115200,8n1', [com1]],
    ['com1=115200', [com1]],
    ['console=vga,com2', [com2]],
    ['console=com1,com2', [com1, com2]],
    ['console=com1 console=vga', []],
    ['com1=115200,8n1,0x2f8,3', [{ name: 'com1', first: 0x2f8, irq: 3 }]],
    ['com1=115200,8n1,0x3e8', [{ name: 'com1', first: 0x3e8, irq: 4 }]],
    ['com2=baud=9600,io-base=0x2e8,irq=5', [{ name: 'com2', first: 0x2e8, irq: 5 }]],
    ['com1=115200,8n1,0x3f8,0', [{ name: 'com1', first: 0x3f8 }]],
    ['com1=115200,8n1,pci console=com1', [{ name: 'com1' }]],
  ] as const) {
    assert.deepEqual(xenSerialPorts(options), ports, options);
  }
});

test("the first domain's memory is what dom0_mem= says", () => {
  for (const [options, kib] of [
    ['', undefined],
    ['dom0_mem=768M', 768 * 1024],
    ['dom0_mem=1g', 1024 ** 2],
    ['dom0_mem=524288', 524288],
    ['dom0_mem=min:256M,max:1G,512M', 512 * 1024],
    ['dom0_mem=max:1G', undefined],
    ['dom0_mem=1G+10%', undefined],
    ['dom0_mem=256M dom0_mem=512M', 512 * 1024],
  ] as const) {
    assert.equal(firstDomainKiB(options), kib, options);
  }
});

function found(options: string, devices: Record<string, string>): string[] {
  const text = manifest(dom0 + guest(devices));
  try {
    loadManifest(Buffer.from(text), 'test.yaml', [xenSerial(xenSerialPorts(options))]);
    return [];
  } catch (error) {
    assert.ok(error instanceof ManifestError);
    return error.problems.map(
      ({ line, col, message, hint }) => `${line}:${col} ${message}; ${hint}`,
    );
  }
}

test('a serial port that Xen drives is given to no domain, nor a part of it, nor its interrupt', () => {
  const hint = "give it another device, or take com1 out of Xen's options (console=, com1=)";
  const ports = `Xen itself uses its com1, the ports 3f8-3ff; ${hint}`;
  const console = 'console=com1 com1=115200,8n1';
  assert.deepEqual(found(console, { ioports: '["3f8-3ff"]' }), [`16:15 ${ports}`]);
  assert.deepEqual(found(console, { ioports: '["80", "3ff"]' }), [`16:21 ${ports}`]);
  assert.deepEqual(found(console, { ioports: '["3f0-400"]' }), [`16:15 ${ports}`]);
  assert.deepEqual(found(console, { irqs: '[4]' }), [
    `16:12 Xen itself uses its com1, and that interrupt 4; ${hint}`,
  ]);
  assert.deepEqual(found(console, { ioports: '["3f0-3f7", "400", "2f8-2ff"]', irqs: '[3]' }), []);
  assert.deepEqual(found('console=vga', { ioports: '["3f8-3ff"]', irqs: '[4]' }), []);
  assert.deepEqual(found('com1=115200,8n1,0,0,pci', { irqs: '[4]' }), []);
});
