/**
 * Actions in plain words, for questions: each is allowed by any of these permissions, written as `class:permission`. Beside them
 * every permission can be named itself.
 */
export const plainActions: Readonly<Record<string, readonly string[]>> = {
  'read-memory': ['mmu:map_read', 'domain:setdebugging', 'domain2:mem_paging'],
  'write-memory': ['mmu:map_write', 'domain:setdebugging', 'domain2:mem_paging'],
  'read-registers': ['domain:getvcpucontext', 'hvm:gethvmc', 'domain2:vm_event'],
  'set-registers': ['domain:setvcpucontext', 'hvm:sethvmc', 'domain2:vm_event'],
  watch: ['domain2:vm_event', 'domain2:mem_access', 'shadow:logdirty', 'domain:setdebugging'],
  see: ['domain:getdomaininfo'],
  create: ['domain:create'],
  pause: ['domain:pause'],
  unpause: ['domain:unpause'],
  shutdown: ['domain:shutdown'],
  destroy: ['domain:destroy'],
  relabel: ['domain2:relabelfrom', 'domain2:relabelto', 'domain2:relabelself'],
  configure: ['domain:setdomainmaxmem', 'domain:max_vcpus', 'domain2:setscheduler'],
  'map-grants': ['grant:map_read', 'grant:map_write', 'grant:copy'],
  'emulate-devices': ['hvm:dm', 'domain2:resource_map'],
  'give-devices': ['resource:add'],
  'take-devices': ['resource:remove'],
  use: ['resource:use_iommu', 'resource:use_iommu_nointremap', 'resource:use_noiommu'],
  'hand-out': [
    'resource:add_device',
    'resource:add_irq',
    'resource:add_ioport',
    'resource:add_iomem',
  ],
  'load-policy': ['security:load_policy'],
  'stop-enforcement': ['security:setenforce'],
  'replace-code': ['xen:kexec', 'xen2:livepatch_op'],
  'power-down': ['xen:sleep'],
  debug: ['xen:debug'],
  'read-console': ['xen:readconsole'],
};

/** The action that takes permissions of both sides, towards their ends of a channel. */
export const SHARE_EVENTS = 'share-events';

/** Every word that can be asked for, beside permissions. */
export function actionWords(): string[] {
  return [...Object.keys(plainActions), SHARE_EVENTS];
}
