/**
 * Of all that is tried, what the policy lets somebody do, as "SOURCE TARGET CLASS PERMISSIONS". Everything else must be refused: a
 * right that the policy gives beyond this fails the test, and one that it takes away has to be taken away here.
 */
const opens: readonly string[] = [
  // What domains with something in common grant each other, dom0 and driver domains as servers of devices.
  'domU_t dom0_t grant map_read,map_write,copy',
  'domU_t driver_t grant map_read,map_write,copy',
  'driver_t dom0_t grant map_read,map_write,copy',
  'driver_t domU_t grant map_read,map_write,copy',
  'driver_t guarded_t grant map_read,map_write,copy',
  'dom0_t domU_t grant copy',
  'dom0_t driver_t grant map_read,map_write,copy',
  'dom0_t guarded_t grant map_read,map_write,copy',
  // Of its own pages: network back ends copy (flask_grant_copy looks from the page's owner to who gets the bytes).
  'guarded_t dom0_t grant copy',
  'guarded_t driver_t grant copy',
  'dom0_t vtpm_t grant map_read,map_write,copy',
  'vtpm_t dom0_t grant map_read,map_write,copy',
  // Memory that is none, in its window on a device.
  'driver_t domio_t mmu map_read,map_write',
  // The vTPM domain serves those that grant it a page, and asks whether they live.
  'vtpm_t domU_t grant map_read,map_write',
  'vtpm_t driver_t grant map_read,map_write',
  'vtpm_t guarded_t grant map_read,map_write',
  'vtpm_t domU_t domain getdomaininfo',
  'vtpm_t driver_t domain getdomaininfo',
  'vtpm_t guarded_t domain getdomaininfo',
  // dom0 sees all, ends what is no platform domain, makes ordinary guests.
  'dom0_t vtpm_t domain getdomaininfo,getvcpuinfo,getaffinity,getscheduler,unpause',
  'dom0_t driver_t domain getdomaininfo,getvcpuinfo,getaffinity,getscheduler,pause,unpause,shutdown,destroy',
  'dom0_t guarded_t domain getdomaininfo,getvcpuinfo,getaffinity,getscheduler,pause,unpause,destroy',
  'dom0_t domU_t domain create',
  // dom0 controls the hypervisor, ...
  'dom0_t xen_t xen readconsole,clearconsole,heap,physinfo,getcpuinfo,getidle',
  'dom0_t xen_t xen getscheduler,setscheduler,cpupool_op,pm_op,mca_op,frequency,sleep,settime,firmware,quirk',
  'dom0_t xen_t xen mtrr_read,readapic,writeapic',
  'dom0_t xen_t xen2 psr_cmt_op,psr_alloc,get_cpu_levelling_caps,get_cpu_featureset,resource_op',
  'dom0_t xen_t mmu memorymap',
  'dom0_t domxen_t mmu map_read',
  'dom0_t domio_t mmu map_read,map_write',
  'dom0_t security_t security check_context,compute_av,compute_create,compute_relabel,compute_member',
  // ... and has the devices.
  'dom0_t driver_t resource add,remove',
  'dom0_t dom0_t resource add',
  'dom0_t irq_t resource setup',
  'dom0_t host_bridge_t resource plug,unplug,setup',
  'dom0_t xen_t resource setup',
];

/** The same, permission by permission. */
export const open: ReadonlySet<string> = new Set(
  opens.flatMap((line) => {
    const [source, target, name, permissions = ''] = line.split(' ');
    return permissions.split(',').map((each) => `${source} ${target} ${name} ${each}`);
  }),
);
