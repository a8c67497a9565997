export default { serverExternalPackages: ["allcores"] };
