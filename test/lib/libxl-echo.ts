/** Has libxl read devices and a domain's configuration in its JSON form, and prints what it makes of them. To be started where libxl finds xenstored and Xen's devices. */
import { openLibrary } from '../../bindings/ffi/library.ts';
import { readText } from '../../bindings/ffi/memory.ts';
import { MessageCapture } from '../../bindings/libxentoollog.ts';
import { createFromJson, openLibxl } from '../../bindings/libxl.ts';
import { libxlCreation } from '../../introduction/libxl-config.ts';
import { diskDevice, nicDevice, pciDevice } from '../../introduction/libxl-devices.ts';
import { ownRelease } from '../../xen-releases/releases.ts';

const told = {
  args: { context: 'pointer', device: 'bytes' },
  result: 'pointer',
  fails: 'null',
} as const;
const toldOfConfig = {
  args: { context: 'pointer', config: 'bytes' },
  result: 'pointer',
  fails: 'null',
} as const;
const { light } = ownRelease.libraries;
const libxl = openLibxl(light);
const echo = openLibrary(light, {
  libxl_device_disk_to_json: told,
  libxl_device_nic_to_json: told,
  libxl_device_pci_to_json: told,
  libxl_domain_config_to_json: toldOfConfig,
});
const messages = new MessageCapture();
const allocated = Buffer.alloc(8);
libxl.libxl_ctx_alloc({ context: allocated, version: 0, flags: 0, logger: messages.logger });
const context = allocated.readBigUInt64LE();
const devices = [
  diskDevice({ vdev: 'xvda', target: '/dev/vg/a', access: 'w' }),
  diskDevice({ vdev: 'xvdb', target: 'x', access: 'r', script: 'block-x', discard: false }),
  nicDevice({}, 0),
  nicDevice(
    {
      ...{ mac: '00:16:3e:12:34:56', bridge: 'xenbr0', ip: '10.0.0.1', script: 'vif-route' },
      ...{ vifname: 'lan', gatewaydev: 'eth0', mtu: 1400 },
      rate: { bytes: 25_000, microseconds: 20_000 },
    },
    1,
  ),
  pciDevice('0001:0a:1f.7'),
];
const read = devices.map(({ kind, json }) => {
  const device = Buffer.alloc(4096);
  libxl[`libxl_device_${kind}_init`]({ device });
  libxl[`libxl_device_${kind}_from_json`]({ context, device, json });
  const text = readText(echo[`libxl_device_${kind}_to_json`]({ context, device }), 4096);
  libxl[`libxl_device_${kind}_dispose`]({ device });
  return { sent: JSON.parse(json) as unknown, got: JSON.parse(text) as unknown };
});
/** A guest with all that a manifest can say of one that is built again. */
function configured(type: 'pv' | 'pvh') {
  const again = {
    ...{ kernel: 'vmlinux', ramdisk: ['r'], cmdline: 'console=hvc0 quiet "x"', cpus: [0, 3] },
    limits: { grantFrames: 33, maptrackFrames: 34, eventChannels: 35 },
    ...{ nestedHvm: type === 'pvh', msrRelaxed: true, uuidFixed: false },
  };
  const uuid = '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11';
  const json = libxlCreation(
    {
      ...{ name: 'guest', domid: 7, uuid, type, hardware: false, pci: [], again },
      ...{ memoryKiB: 131072, maxMemoryKiB: 262144, vcpus: 1, maxVcpus: 2 },
      ends: { poweroff: 'preserve', reboot: 'restart', crash: 'preserve' },
      disks: [{ vdev: 'xvda', target: '/dev/vg/a', access: 'w' }],
      vifs: [{ mac: '00:16:3e:12:34:56', bridge: 'xenbr0' }],
    },
    { seclabel: 'system_u:system_r:domU_t', uuid, kernel: '/run/x/kernel', ramdisk: '/run/x/r' },
  );
  const config = Buffer.alloc(4096);
  libxl.libxl_domain_config_init({ config });
  libxl.libxl_domain_config_from_json({ context, config, json });
  const got = readText(echo.libxl_domain_config_to_json({ context, config }), 65536);
  libxl.libxl_domain_config_dispose({ config });
  return { json, sent: JSON.parse(json) as unknown, got: JSON.parse(got) as unknown };
}
const configurations = [configured('pv'), configured('pvh')];
const said = messages.take();
// Nobody answers hypercalls here.
const failure = await createFromJson(libxl, context, configurations[0]?.json ?? '').catch(String);
const refused = { failure, said: messages.take() };
libxl.libxl_ctx_free({ context });
console.log(JSON.stringify({ read, configurations, said, refused }));
