const { task } = require("allcores");

exports.square = task(module, "square", (n) => n * n);
