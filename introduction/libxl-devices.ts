/** Devices in the JSON form that libxl has for its structs (libxl_types.idl). What is left out has its usual value. */
import type { LibxlDevice } from '../bindings/libxl.ts';
import type { ServedDisk, ServedVif } from '../domains/served-devices.ts';

export function diskDevice({ vdev, target, access, script, discard }: ServedDisk): LibxlDevice {
  const json = {
    pdev_path: target,
    vdev,
    backend: 'phy',
    format: 'raw',
    readwrite: access === 'w' ? 1 : 0,
    ...(script === undefined ? {} : { script }),
    ...(discard === undefined ? {} : { discard_enable: discard ? 'True' : 'False' }),
  };
  return { kind: 'disk', json: JSON.stringify(json) };
}

/** @param devid its place among the domain's interfaces */
export function nicDevice(vif: ServedVif, devid: number): LibxlDevice {
  const { mac, bridge, ip, script, vifname, gatewaydev, mtu, rate } = vif;
  const json = {
    devid,
    nictype: 'vif',
    mac,
    bridge,
    ip,
    script,
    ifname: vifname,
    gatewaydev,
    mtu,
    rate_bytes_per_interval: rate?.bytes,
    rate_interval_usecs: rate?.microseconds,
  };
  // What is undefined is left out of the text.
  return { kind: 'nic', json: JSON.stringify(json) };
}

/** @param address as `0000:00:05.0`. Whatever drives the device in this domain lets go of it. */
export function pciDevice(address: string): LibxlDevice {
  const [domain = 0, bus = 0, dev = 0, func = 0] = address
    .split(/[:.]/)
    .map((part) => Number.parseInt(part, 16));
  return { kind: 'pci', json: JSON.stringify({ func, dev, bus, domain, seize: true }) };
}
