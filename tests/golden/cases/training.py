# SPDX-License-Identifier: Apache-2.0
"""Optimizers over 30 steps with weights that are left out for some, clipping, schedules over 100 steps, initialisers and random numbers by their moments."""
import numpy as np

from case import Case, normal, rounded

# name, Tenon, PyTorch
OPTIMIZERS = [
    ("sgd", "sgd(lr: 0.05)", "torch.optim.SGD(ws, lr=0.05)"), ("sgd_momentum", "sgd(lr: 0.02, momentum: 0.9)", "torch.optim.SGD(ws, lr=0.02, momentum=0.9)"),
    ("sgd_nesterov", "sgd(lr: 0.02, momentum: 0.8, nesterov: true)", "torch.optim.SGD(ws, lr=0.02, momentum=0.8, nesterov=True)"),
    ("sgd_decay", "sgd(lr: 0.05, weight_decay: 0.1)", "torch.optim.SGD(ws, lr=0.05, weight_decay=0.1)"),
    ("sgd_all", "sgd(lr: 0.02, momentum: 0.9, weight_decay: 0.01, nesterov: true)", "torch.optim.SGD(ws, lr=0.02, momentum=0.9, weight_decay=0.01, nesterov=True)"),
    ("adam", "adam(lr: 0.05)", "torch.optim.Adam(ws, lr=0.05)"), ("adam_betas", "adam(lr: 0.05, beta1: 0.5, beta2: 0.9)", "torch.optim.Adam(ws, lr=0.05, betas=(0.5, 0.9))"),
    ("adam_decay", "adam(lr: 0.05, weight_decay: 0.1, eps: 1e-3)", "torch.optim.Adam(ws, lr=0.05, weight_decay=0.1, eps=1e-3)"),
    ("adamw", "adamw(lr: 0.05)", "torch.optim.AdamW(ws, lr=0.05)"), ("adamw_decay", "adamw(lr: 0.05, weight_decay: 0.3, beta1: 0.8, beta2: 0.95)", "torch.optim.AdamW(ws, lr=0.05, weight_decay=0.3, betas=(0.8, 0.95))"),
]
# Which steps leave which weight out: (Tenon, Python)
FROZEN = {"all": ("false", "False"), "first": ("path == \"0\" && k < 10", "i == 0 and k < 10"), "middle": ("path == \"1\" && k >= 8 && k < 20", "i == 1 and 8 <= k < 20"),
          "turns": ("(path == \"0\") == (k % 2 == 0)", "(i == 0) == (k % 2 == 0)")}
TENON = """
auto net = (a, b);
auto opt = OPTIMIZER;
for (int k = 0; k < 30; k++) {
	if (k == 15) { opt.lr = 0.01; }
	auto (l, g) = grad (net, only: (path, w) => !(FROZEN)) { auto (p, q) = net; 0.5 * sum((p - t) ** 2) + sum(cos(q + 0.1 * k) * q) + sum(p) * sum(q) * 0.01 };
	opt.step(&net, g);
}
auto (y, z) = net;
"""
TORCH = """
ws = [a.clone().requires_grad_(), b.clone().requires_grad_()]
opt = OPTIMIZER
for k in range(30):
    if k == 15:
        opt.param_groups[0]['lr'] = 0.01
    for i, w in enumerate(ws):
        w.grad = None
        w.requires_grad_(not (FROZEN))
    p, q = ws
    (0.5 * torch.sum((p - t) ** 2) + torch.sum(torch.cos(q + 0.1 * k) * q) + torch.sum(p) * torch.sum(q) * 0.01).backward()
    opt.step()
y, z = ws
"""
# Settings by weight: PyTorch's groups of parameters.
GROUPS = [
    ("sgd_groups", 'sgd(lr: (path, w) => path == "0" ? 0.05 : 0.01, momentum: 0.9, weight_decay: (path, w) => w.ndim > 1 ? 0.1 : 0.0)',
     "torch.optim.SGD([dict(params=ws[:1], lr=0.05, weight_decay=0.1), dict(params=ws[1:], lr=0.01, weight_decay=0.0)], momentum=0.9)"),
    ("adam_groups", 'adam(lr: 0.02, lr_scale: (path, w) => path == "0" ? 2.0 : 0.5, weight_decay: (path, w) => w.ndim > 1 ? 0.1 : 0.0)',
     "torch.optim.Adam([dict(params=ws[:1], lr=0.04, weight_decay=0.1), dict(params=ws[1:], lr=0.01, weight_decay=0.0)])"),
    ("adamw_groups", 'adamw(lr: (path, w) => path == "0" ? 0.05 : 0.01, weight_decay: (path, w) => w.ndim > 1 ? 0.1 : 0.0)',
     "torch.optim.AdamW([dict(params=ws[:1], lr=0.05, weight_decay=0.1), dict(params=ws[1:], lr=0.01, weight_decay=0.0)])"),
]
SCHEDULES = [
    ("constant_lr", "constant_lr(0.1)", "torch.optim.lr_scheduler.ConstantLR(o, factor=1.0)"), ("step_lr", "step_lr(0.1, every: 7, gamma: 0.5)", "torch.optim.lr_scheduler.StepLR(o, 7, gamma=0.5)"),
    ("step_lr_default", "step_lr(0.1, every: 30)", "torch.optim.lr_scheduler.StepLR(o, 30)"), ("exponential_lr", "exponential_lr(0.1, 0.9)", "torch.optim.lr_scheduler.ExponentialLR(o, 0.9)"),
    ("cosine_lr", "cosine_lr(0.1, 99)", "torch.optim.lr_scheduler.CosineAnnealingLR(o, 99)"), ("cosine_lr_lowest", "cosine_lr(0.1, 99, lowest: 0.01)", "torch.optim.lr_scheduler.CosineAnnealingLR(o, 99, eta_min=0.01)"),
]


def of_optimizers():
    for dtype in ("f32", "f64"):
        inputs = {"a": (rounded(normal(3, 5), dtype), dtype), "b": (rounded(normal(129, start=44), dtype), dtype), "t": (rounded(normal(3, 5, start=99), dtype), dtype)}
        for name, tenon, torch in OPTIMIZERS:
            for tag, (first, second) in FROZEN.items():
                yield Case(f"{name}_{tag}/{dtype}", inputs, TENON.replace("OPTIMIZER", tenon).replace("FROZEN", first), TORCH.replace("OPTIMIZER", torch).replace("FROZEN", second), outputs=("y", "z"),
                           slack=2e-5 if dtype == "f32" else 1e-13, exact=False)
        for name, tenon, torch in GROUPS:
            program, python = TENON.replace("OPTIMIZER", tenon), TORCH.replace("OPTIMIZER", torch)
            program, python = program.replace("\tif (k == 15) { opt.lr = 0.01; }\n", ""), python.replace("    if k == 15:\n        opt.param_groups[0]['lr'] = 0.01\n", "")
            for tag in ("all", "middle"):
                yield Case(f"{name}_{tag}/{dtype}", inputs, program.replace("FROZEN", FROZEN[tag][0]), python.replace("FROZEN", FROZEN[tag][1]), outputs=("y", "z"), slack=2e-5 if dtype == "f32" else 1e-13, exact=False)


def of_schedules():
    for name, tenon, torch in SCHEDULES:
        tenon = f"auto s = {tenon};\nauto y = zeros(100, dtype: f64);\nfor (int k = 0; k < 100; k++) {{ y[k] = s(k); }}\n"
        torch = f"o = torch.optim.SGD([zeros(1)], lr=0.1)\ns = {torch}\nfound = []\nfor k in range(100):\n    found.append(s.get_last_lr()[0])\n    o.step()\n    s.step()\ny = torch.tensor(found, dtype=DTYPES['f64'])\n"
        yield Case(f"{name}/schedule", {}, tenon, torch, slack=1e-13, exact=False)


def of_clipping():
    x = normal(7, start=5) * 3
    for most in (1.0, 100.0, 0.0):
        torch = f"w = [zeros(7, requires_grad=True), zeros(7, requires_grad=True)]\nw[0].grad, w[1].grad = x.clone(), x * 0.5\ntorch.nn.utils.clip_grad_norm_(w, {most})\ny, z = w[0].grad, w[1].grad\n"
        yield Case(f"clip_grad_norm_{most}/f32", {"x": (rounded(x, "f32"), "f32")}, f"auto (y, z) = clip_grad_norm((x, x * 0.5), {most});", torch, outputs=("y", "z"), exact=False)


# What a large weight made by an initialiser must be like: bounds and moments. name, Tenon, PyTorch, whether normal
STARTS = [
    ("kaiming", "kaiming([256, 300])", "nn.init.kaiming_uniform_(empty(256, 300))"), ("kaiming_slope", "kaiming([256, 300], a: 0.5)", "nn.init.kaiming_uniform_(empty(256, 300), a=0.5)"),
    ("kaiming_conv", "kaiming([64, 32, 5, 5])", "nn.init.kaiming_uniform_(empty(64, 32, 5, 5))"), ("xavier", "xavier([256, 300])", "nn.init.xavier_uniform_(empty(256, 300))"),
    ("xavier_gain", "xavier([256, 300], gain: 2.0)", "nn.init.xavier_uniform_(empty(256, 300), gain=2.0)"), ("xavier_conv", "xavier([64, 32, 5, 5])", "nn.init.xavier_uniform_(empty(64, 32, 5, 5))"),
    ("uniform", "uniform([80000], -2.0, 3.0)", "nn.init.uniform_(empty(80000), -2.0, 3.0)"), ("normal", "normal([80000], mean: 1.0, std: 0.5)", "nn.init.normal_(empty(80000), 1.0, 0.5)"),
    ("linear_w", "linear(300, 256).w", "nn.Linear(300, 256).weight"), ("linear_b", "linear(4, 80000).b", "nn.Linear(4, 80000).bias"), ("conv2d_w", "conv2d(32, 64, 5).w", "nn.Conv2d(32, 64, 5).weight"),
    ("conv2d_groups_w", "conv2d(32, 64, 5, groups: 4).w", "nn.Conv2d(32, 64, 5, groups=4).weight"), ("conv2d_b", "conv2d(1, 80000, 3).b", "nn.Conv2d(1, 80000, 3).bias"), ("embedding", "embedding(800, 100).w", "nn.Embedding(800, 100).weight"),
    ("rand", "rand(80000)", "torch.rand(80000)"), ("randn", "randn(80000)", "torch.randn(80000)"), ("randint", "f32(randint(-3, 9, [80000]))", "torch.randint(-3, 9, (80000,)).float()"),
    ("bernoulli", "f32(bernoulli(0.3, [80000]))", "torch.bernoulli(torch.full((80000,), 0.3))"), ("rand_f64", "f32(rand([80000], dtype: f64))", "torch.rand(80000)"), ("rand_bf16", "f32(rand([80000], dtype: bf16))", "torch.rand(80000)"),
    ("rand_f16", "f32(rand([80000], dtype: f16))", "torch.rand(80000)"), ("randn_bf16", "f32(randn([80000], dtype: bf16))", "torch.randn(80000)"), ("randperm", "f32(randperm(80000)) / 80000.0", "torch.randperm(80000).float() / 80000"),
    ("dropout", "train (true) { dropout(full([80000], 2.0), p: 0.3) }", "F.dropout(torch.full((80000,), 2.0), 0.3, training=True)"), ("dropout_large", "train (true) { dropout(ones(80000), p: 0.9) }", "F.dropout(torch.ones(80000), 0.9, training=True)"),
    ("dropout_layer", "auto d = dropout(0.5);\nauto w = train (true) { d(ones(80000)) };", "nn.Dropout(0.5).train()(torch.ones(80000))"), ("dropout_off", "dropout(full([80000], 2.0), p: 0.3)", "F.dropout(torch.full((80000,), 2.0), 0.3, training=False)"),
]


def of_starts():
    """Shares of the elements below 9 places between -3 and 3 deviations tell the distribution apart; mean, deviation and the fourth moment too. 80,000
    independent elements bring each within 2 % of a deviation; bounds are met within 1 %."""
    for name, tenon, torch in STARTS:
        make = f"auto w = {tenon};" if "auto w" not in tenon else tenon
        normal_ = name.startswith(("normal", "randn", "embedding"))
        ends = "" if normal_ else "\nauto ends = stack([min(w), max(w)]) / (f + 1e-6);"
        program = f"{make}\nauto m = mean(w); auto f = sqrt(mean((w - m) ** 2));\nauto y = stack([m / (f + 1e-6), log(f + 1e-6), mean(((w - m) / (f + 1e-6)) ** 4) / 10.0]);\nauto s = stack([mean(f32(w < m - 1.1 * f)), mean(f32(w < m - 0.4 * f)), mean(f32(w < m + 0.3 * f)), mean(f32(w < m + 1.2 * f)), mean(f32(w < m + 2.2 * f))]);{ends}\n"
        python = f"w = ({torch}).detach()\nm = mean(w); f = sqrt(mean((w - m) ** 2))\ny = stack([m / (f + 1e-6), log(f + 1e-6), mean(((w - m) / (f + 1e-6)) ** 4) / 10.0])\ns = stack([mean((w < m - 1.1 * f).float()), mean((w < m - 0.4 * f).float()), mean((w < m + 0.3 * f).float()), mean((w < m + 1.2 * f).float()), mean((w < m + 2.2 * f).float())])\n"
        python += "" if normal_ else "ends = stack([w.min(), w.max()]) / (f + 1e-6)\n"
        yield Case(f"{name}/moments", {}, program, python, outputs=("y", "s") + (() if normal_ else ("ends",)), slack=0.02, scale=1.0, exact=False)


def cases():
    return [*of_optimizers(), *of_schedules(), *of_clipping(), *of_starts()]
