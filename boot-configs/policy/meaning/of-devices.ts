import type { Meanings } from './meaning.ts';

/** Devices, interrupts, I/O ports and device memory: the target is their label, but for `add` and `remove`. */
export const deviceMeanings = {
  resource: {
    add: ['give it devices, ports and device memory', 'w', 4],
    remove: ['take devices, ports and device memory away from it', 'w', 4],
    use: ['see which pages of memory are offline', 'r', 4],
    use_iommu: ['use it behind an IOMMU that also guards interrupts', 'b', 8],
    use_iommu_nointremap: ['use it behind an IOMMU that does not guard interrupts', 'b', 8],
    use_noiommu: ["use it without an IOMMU, when a device's DMA reaches all memory", 'b', 10],
    add_irq: ['hand out its interrupts', 'w', 2],
    remove_irq: ['take its interrupts back', 'w', 2],
    add_ioport: ['hand out its ports', 'w', 2],
    remove_ioport: ['take its ports back', 'w', 2],
    add_iomem: ['hand out its memory', 'w', 2],
    remove_iomem: ['take its memory back', 'w', 2],
    stat_device: ['ask who has it', 'r', 4],
    add_device: ['hand it out', 'w', 2],
    remove_device: ['take it back', 'w', 2],
    plug: ['add it to the machine', 'w', 2],
    unplug: ['remove it from the machine', 'w', 2],
    delegate: ['say who has it, without having it', 'w', 2],
    setup: ['set it up: addresses, interrupt lines', 'b', 4],
  },
} satisfies Meanings;
