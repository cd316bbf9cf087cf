import type { BootDomain } from './record.ts';
import type { Access, StoreNode } from './store-node.ts';
import { vtpmNodes } from './vtpm-nodes.ts';

/** Bytes of console output that xenconsoled keeps while nobody looks, as in libxl. */
const CONSOLE_LIMIT = 1048576;

/** libxl takes a domain without a device model for a PVH one, and ours have none. */
export const libxlType = ({ type }: BootDomain) => (type === 'pv' ? 'pv' : 'pvh');

const domainPath = (domid: number) => `/local/domain/${domid}`;
export const namePath = ({ domid }: BootDomain) => `${domainPath(domid)}/name`;
export const startTimePath = ({ uuid }: BootDomain) => `/vm/${uuid}/start_time`;

/**
 * What xl, xenconsoled and the domain's own kernel look for: the nodes that libxl writes for a domain that it creates
 * (libxl__domain_make and libxl__build_post, tools/libs/light). A domain without a ring can't read any of them; for it there
 * are those that name and describe it to the tools.
 * @param started when the domain began to run, in seconds since 1970
 */
export function domainNodes(domain: BootDomain, started: number): StoreNode[] {
  const { name, domid, uuid, xenstore, console, vtpm } = domain;
  const at = domainPath(domid);
  const node = (path: string, value: string | number, access: Access): StoreNode => ({
    path,
    value: String(value),
    access,
  });
  return [
    node(at, '', 'read'),
    node(`${at}/name`, name, 'read'),
    node(`${at}/domid`, domid, 'read'),
    node(`${at}/vm`, `/vm/${uuid}`, 'read'),
    node(`/vm/${uuid}`, '', 'read'),
    node(`/vm/${uuid}/name`, name, 'read'),
    node(`/vm/${uuid}/uuid`, uuid, 'read'),
    node(startTimePath(domain), started.toFixed(2), 'read'),
    node(`/libxl/${domid}`, '', 'tools'),
    node(`/libxl/${domid}/device`, '', 'tools'),
    node(`/libxl/${domid}/type`, libxlType(domain), 'tools'),
    ...sizeNodes(domain),
    ...(xenstore ? [...controlNodes(at), ...ringNodes(`${at}/store`, xenstore)] : []),
    ...(console
      ? [
          ...ringNodes(`${at}/console`, console),
          node(`${at}/console/type`, 'xenconsoled', 'read'),
          node(`${at}/console/output`, 'pty', 'read'),
          node(`${at}/console/limit`, CONSOLE_LIMIT, 'read'),
          node(`${at}/console/tty`, '', 'read'),
        ]
      : []),
    ...(xenstore && vtpm !== undefined ? vtpmNodes(domain, vtpm.domid) : []),
  ];
}

function sizeNodes({ domid, memoryKiB, maxMemoryKiB, vcpus, maxVcpus }: BootDomain): StoreNode[] {
  const at = domainPath(domid);
  const read = (path: string, value: string | number): StoreNode => ({
    path: `${at}/${path}`,
    value: String(value),
    access: 'read',
  });
  const cpus = Array.from({ length: maxVcpus }, (_, cpu) =>
    read(`cpu/${cpu}/availability`, cpu < vcpus ? 'online' : 'offline'),
  );
  return [
    read('cpu', ''),
    ...cpus,
    read('memory', ''),
    read('memory/static-max', maxMemoryKiB),
    read('memory/target', memoryKiB),
    // No frame buffer.
    read('memory/videoram', 0),
  ];
}

/** What the domain's kernel announces and how it is told to shut down. */
function controlNodes(at: string): StoreNode[] {
  const own = (path: string): StoreNode => ({ path: `${at}/${path}`, value: '', access: 'own' });
  const read = (path: string, value = ''): StoreNode => ({
    path: `${at}/${path}`,
    value,
    access: 'read',
  });
  return [
    read('device'),
    own('device/suspend/event-channel'),
    read('control'),
    ...['shutdown', 'feature-poweroff', 'feature-reboot', 'feature-suspend', 'sysrq'].map((name) =>
      own(`control/${name}`),
    ),
    read('control/platform-feature-multiprocessor-suspend', '1'),
    read('control/platform-feature-xs_reset_watches', '1'),
    ...['data', 'drivers', 'feature', 'attr', 'error'].map(own),
  ];
}

function ringNodes(at: string, { frame, port }: { frame: number; port: number }): StoreNode[] {
  return [
    { path: at, value: '', access: 'read' },
    { path: `${at}/port`, value: String(port), access: 'read' },
    { path: `${at}/ring-ref`, value: String(frame), access: 'read' },
  ];
}
