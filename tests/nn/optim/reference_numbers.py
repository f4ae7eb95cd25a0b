"""Prints reference_numbers.h: what PyTorch's optimizers, schedules and clipping make of the same random gradients.

    python3 reference_numbers.py > reference_numbers.h      needs torch (2.15 made what is stored); double precision

PyTorch has no Adam without bias correction and no RMSprop as Graves wrote it: those two are written out here.
"""

import math

import torch

UPDATES = 6
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(18)


def normal(*shape):
    # Numbers that a float holds exactly, so that both precisions start alike.
    return torch.randn(*shape, generator=generator).float().double()


WEIGHT, BIAS = normal(2, 3), normal(3)
GRADIENTS = [(normal(2, 3), normal(3)) for _ in range(UPDATES)]


class UncorrectedAdam(torch.optim.Optimizer):
    def __init__(self, params, lr, beta1, beta2, eps):
        super().__init__(params, dict(lr=lr, beta1=beta1, beta2=beta2, eps=eps))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                s = self.state[p]
                s["m"] = group["beta1"] * s.get("m", 0) + (1 - group["beta1"]) * p.grad
                s["v"] = group["beta2"] * s.get("v", 0) + (1 - group["beta2"]) * p.grad**2
                p -= group["lr"] * s["m"] / (s["v"].sqrt() + group["eps"])


class GravesRmsprop(torch.optim.Optimizer):
    def __init__(self, params, lr, alpha, momentum, eps, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, alpha=alpha, momentum=momentum, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            a = group["alpha"]
            for p in group["params"]:
                s = self.state[p]
                g = p.grad + group["weight_decay"] * p
                s["n"] = a * s.get("n", 0) + (1 - a) * g**2
                s["m"] = a * s.get("m", 0) + (1 - a) * g
                root = (s["n"] - s["m"] ** 2 + group["eps"]).sqrt()
                s["change"] = group["momentum"] * s.get("change", 0) - group["lr"] * g / root
                p += s["change"]


def weights_after(make):
    weight, bias = WEIGHT.clone().requires_grad_(), BIAS.clone().requires_grad_()
    optimizer = make([weight], [bias])
    for dw, db in GRADIENTS:
        weight.grad, bias.grad = dw.clone(), db.clone()
        optimizer.step()
    return torch.cat([weight.detach().flatten(), bias.detach()])


def together(kind, **options):
    return weights_after(lambda weights, biases: kind(weights + biases, **options))


def biases_exempt(kind, weight_decay, **options):
    return weights_after(
        lambda weights, biases: kind(
            [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}], **options
        )
    )


OPTIMIZERS = {
    "adam": together(torch.optim.Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-3),
    "adam_l2": together(torch.optim.Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
    "adam_l2_biases_exempt": biases_exempt(torch.optim.Adam, 0.3, lr=0.05, betas=(0.8, 0.95), eps=1e-3),
    "adam_uncorrected": together(UncorrectedAdam, lr=0.05, beta1=0.8, beta2=0.95, eps=1e-3),
    "adamw": together(torch.optim.AdamW, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
    "adamw_biases_exempt": biases_exempt(torch.optim.AdamW, 0.3, lr=0.05, betas=(0.8, 0.95), eps=1e-3),
    "sgd": together(torch.optim.SGD, lr=0.05),
    "sgd_momentum": together(torch.optim.SGD, lr=0.05, momentum=0.9),
    "sgd_momentum_l2_biases_exempt": biases_exempt(torch.optim.SGD, 0.3, lr=0.05, momentum=0.9),
    "sgd_nesterov": together(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    "rmsprop": together(torch.optim.RMSprop, lr=0.05, alpha=0.9, eps=1e-3),
    "rmsprop_momentum": together(torch.optim.RMSprop, lr=0.05, alpha=0.9, eps=1e-3, momentum=0.8),
    "rmsprop_l2": together(torch.optim.RMSprop, lr=0.05, alpha=0.9, eps=1e-3, weight_decay=0.3),
    "rmsprop_graves": together(GravesRmsprop, lr=0.05, alpha=0.95, eps=1e-2, momentum=0.9),
    "rmsprop_graves_l2_biases_exempt": biases_exempt(GravesRmsprop, 0.3, lr=0.05, alpha=0.95, eps=1e-2, momentum=0.9),
}


def rates(make, updates=16):
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    scheduler = make(optimizer)
    out = []
    for _ in range(updates):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(out)


lr = torch.optim.lr_scheduler


def warmed_up(optimizer, after, warmup=4):
    rise = lr.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
    return lr.SequentialLR(optimizer, [rise, after], milestones=[warmup])


def up_to(updates, schedule, floor):
    """The schedule for that many updates, the floor afterwards: PyTorch's cosine rises again."""
    out = rates(schedule)
    out[updates:] = floor
    return out


SCHEDULES = {
    "warmup_constant": rates(lambda o: lr.LinearLR(o, start_factor=1 / 4, total_iters=3)),
    "cosine": up_to(10, lambda o: lr.CosineAnnealingLR(o, T_max=10, eta_min=0.05), 0.05),
    "warmup_cosine": up_to(12, lambda o: warmed_up(o, lr.CosineAnnealingLR(o, T_max=8, eta_min=0.05)), 0.05),
    "inverse_square_root": rates(lambda o: lr.LambdaLR(o, lambda u: min((u + 1) ** -0.5, (u + 1) * 4**-1.5) * 4**0.5)),
    "step_every": rates(lambda o: lr.StepLR(o, step_size=5, gamma=0.3)),
    "milestones": rates(lambda o: lr.MultiStepLR(o, milestones=[3, 4, 11], gamma=0.3)),
}


def clipped(clip):
    weight, bias = torch.zeros(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    weight.grad, bias.grad = GRADIENTS[0][0].clone(), GRADIENTS[0][1].clone()
    clip([weight, bias])
    return torch.cat([weight.grad.flatten(), bias.grad])


def by_norm(parameters, limit):
    # PyTorch divides by the norm plus 1e-6; we, as the paper's released code, by the norm.
    norm = math.sqrt(sum((p.grad**2).sum().item() for p in parameters))
    torch.nn.utils.clip_grad_norm_(parameters, limit)
    for p in parameters:
        p.grad *= (norm + 1e-6) / norm if norm > limit else 1.0


norm = lambda tensors: math.sqrt(sum((t**2).sum().item() for t in tensors))
BETWEEN = sum(norm([t]) for t in GRADIENTS[0]) / 2  # of the two tensors one is longer than this, one shorter
CLIPPED = {
    "global_norm": clipped(lambda ps: by_norm(ps, 0.5)),
    "per_tensor": clipped(lambda ps: [by_norm([p], BETWEEN) for p in ps]),
    "per_value": clipped(lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.4)),
}


def array(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


def table(name, doc, rows, width):
    print(f"// {doc}\nstruct {name}Row {{\n  const char* name;\n  double values[{width}];\n}};")
    print(f"inline constexpr {name}Row k{name}[] = {{")
    for key, values in rows.items():
        print(f'    {{"{key}", {array(values)}}},')
    print("};\n")


print("// reference_numbers.h - made by reference_numbers.py, which says of what; do not edit.")
print("#pragma once\n\n// clang-format off\nnamespace normlab::nn::reference {\n")
print("// A weight of 2 x 3 before a bias of 3, row-major, and a gradient of both for each update.")
print(f"inline constexpr double kStart[] = {array(torch.cat([WEIGHT.flatten(), BIAS]))};")
print(f"inline constexpr double kGradients[{UPDATES}][9] = {{")
for dw, db in GRADIENTS:
    print(f"    {array(torch.cat([dw.flatten(), db]))},")
print("};\n")
table("Optimizers", "Both after all updates.", OPTIMIZERS, 9)
table("Schedules", "Learning rates of the first updates; the highest is 0.5.", SCHEDULES, 16)
print(f"inline constexpr double kNorm = {norm(GRADIENTS[0])!r};  // of the first gradients together")
print(f"inline constexpr double kTensorLimit = {BETWEEN!r};  // of per_tensor; global_norm 0.5, per_value 0.4\n")
table("Clipped", "The first gradients.", CLIPPED, 9)
print("}  // namespace normlab::nn::reference")
