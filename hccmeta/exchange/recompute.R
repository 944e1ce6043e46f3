# Recomputes every analysis of analyses.csv from the counts, ratios or effects in analyses/, with metafor
# (Debian: r-cran-metafor, r-cran-lme4) and, where it is installed, meta. Usage: Rscript recompute.R [folder]

suppressPackageStartupMessages(library(metafor))
has_meta <- requireNamespace("meta", quietly = TRUE)
has_lme4 <- requireNamespace("lme4", quietly = TRUE)
folder <- c(commandArgs(trailingOnly = TRUE), ".")[1]

TOLERANCE <- 1e-6  # relative, model scale
TOLERANCE_GLMM <- 2e-3  # rma.glmm and metaprop: lme4's own convergence

# Binomial-normal model, marginal likelihood by the trapezium rule in z (a smooth integrand with vanishing ends).
Z <- seq(-8.5, 8.5, length.out = 4001)
LOG_W <- dnorm(Z, log = TRUE) + log(Z[2] - Z[1])
log_lik <- function(mu, tau, x, n) {
  if (tau == 0) return(sum(dbinom(x, n, plogis(mu), log = TRUE)))
  eta <- mu + tau * Z
  up <- plogis(eta, log.p = TRUE)
  down <- plogis(-eta, log.p = TRUE)
  sum(mapply(function(x, n) {
    terms <- x * up + (n - x) * down + LOG_W
    top <- max(terms)
    lchoose(n, x) + top + log(sum(exp(terms - top)))
  }, x, n))
}
TAUS <- c(0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 9, 14, 20)
best_tau <- function(mu, x, n) {
  values <- sapply(TAUS, function(tau) log_lik(mu, tau, x, n))
  i <- which.max(values)
  range <- TAUS[c(max(1, i - 1), min(length(TAUS), i + 1))]
  found <- optimize(function(tau) log_lik(mu, tau, x, n), range, maximum = TRUE, tol = 1e-9)
  if (found$objective > values[i]) list(tau = found$maximum, value = found$objective)
  else list(tau = TAUS[i], value = values[i])
}
binomial_normal <- function(x, n, level) {
  profile <- function(mu) best_tau(mu, x, n)$value
  start <- qlogis(sum(x + 0.5) / sum(n + 1))
  grid <- start + seq(-4, 4, by = 0.25)
  peak <- grid[which.max(sapply(grid, profile))]
  top <- optimize(profile, peak + c(-0.3, 0.3), maximum = TRUE, tol = 1e-9)
  gap <- function(mu) 2 * (top$objective - profile(mu)) - qchisq(level, 1)
  side <- function(direction) {
    far <- top$maximum + direction * 0.5
    while (gap(far) < 0) far <- far + direction
    uniroot(gap, sort(c(top$maximum, far)), tol = 1e-10)$root
  }
  c(estimate = top$maximum, low = side(-1), high = side(1))
}

exact <- function(x, n, level) {
  coin <- length(x) > 1 && sum(x) > 0 && sum(x) < sum(n)
  events <- if (coin) sum(x == n) else sum(x)
  trials <- if (coin) length(x) else sum(n)
  ci <- as.numeric(binom.test(events, trials, conf.level = level)$conf.int)
  if (events == 0) ci <- c(0, 1 - (1 - level)^(1 / trials))
  if (events == trials) ci <- c((1 - level)^(1 / trials), 1)
  qlogis(c(estimate = events / trials, low = ci[1], high = ci[2]))
}

effects_of <- function(d, measure) {
  if (measure %in% c("PLO", "PRAW")) {
    return(escalc(sub("PRAW", "PR", measure), xi = xi, ni = ni, data = d, add = 0.5, to = "only0"))
  }
  if (!is.null(d$ai)) return(escalc(measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, add = 0.5, to = "only0"))
  if (!is.null(d$ratio)) {
    level <- ifelse(is.na(d$ratio_level), 0.95, d$ratio_level)
    d$yi <- log(d$ratio)
    d$vi <- ((log(d$ratio_high) - log(d$ratio_low)) / (2 * qnorm(1 - (1 - level) / 2)))^2
  }
  d
}

inverse_variance <- function(d, row) {
  e <- effects_of(d, row$measure)
  method <- if (row$model == "common") "EE" else row$tau2_method
  control <- if (method %in% c("REML", "ML", "EB")) list(threshold = 1e-13, maxiter = 10000) else list()
  fit <- if (nrow(e) == 1) rma(yi, vi, data = e, method = "EE", level = 100 * row$level)
         else rma(yi, vi, data = e, method = method, control = control, level = 100 * row$level)
  estimate <- as.numeric(fit$beta)
  se <- fit$se
  quantile <- qnorm(1 - (1 - row$level) / 2)
  if (row$ci_method %in% c("HK", "HK-adhoc")) {
    hk <- rma(yi, vi, data = e, method = method, control = control, test = "knha")
    se <- if (row$ci_method == "HK") hk$se else max(hk$se, fit$se)
  }
  if (row$ci_method != "z") quantile <- qt(1 - (1 - row$level) / 2, nrow(e) - 1)
  c(estimate = estimate, low = estimate - quantile * se, high = estimate + quantile * se)
}

# Estimates of the packages' own GLMM and of meta, NA where they are not installed or do not fit.
glmm_estimate <- function(d) {
  if (!has_lme4 || nrow(d) < 2) return(NA)
  tryCatch(suppressWarnings(as.numeric(rma.glmm(measure = "PLO", xi = xi, ni = ni, data = d, nAGQ = 25)$beta)),
           error = function(e) NA)
}
meta_estimate <- function(d, row) {
  if (!has_meta) return(NA)
  tryCatch(suppressWarnings({
    if (row$ci_method == "profile") meta::metaprop(d$xi, d$ni, method = "GLMM")$TE.random
    else if (row$ci_method == "exact") NA
    else {
      e <- effects_of(d, row$measure)
      m <- meta::metagen(TE = e$yi, seTE = sqrt(e$vi), method.tau = if (row$tau2_method == "") "REML" else row$tau2_method)
      if (row$model == "common") c(m$TE.common, m$TE.fixed)[1] else m$TE.random
    }
  }), error = function(e) NA)
}

same <- function(a, b, tolerance, logit = FALSE) {
  unseen <- if (logit) abs(plogis(a) - plogis(b)) < 1e-9 else FALSE  # far out on the logit scale, same proportion
  a == b | unseen | abs(a - b) <= tolerance * pmax(1, abs(b))
}

index <- read.csv(file.path(folder, "analyses.csv"), stringsAsFactors = FALSE, check.names = FALSE)
index$tau2_method[is.na(index$tau2_method)] <- ""
disagree <- 0
largest <- 0
glmm_checked <- meta_checked <- 0
for (i in seq_len(nrow(index))) {
  row <- index[i, ]
  d <- read.csv(file.path(folder, "analyses", paste0(row$analysis, ".csv")), stringsAsFactors = FALSE)
  found <- switch(row$ci_method,
    profile = binomial_normal(d$xi, d$ni, row$level),
    exact = exact(d$xi, d$ni, row$level),
    inverse_variance(d, row))
  expected <- c(row$estimate, row$ci_low, row$ci_high)
  fine <- isTRUE(all(same(found, expected, TOLERANCE, row$scale == "logit"))) && nrow(d) == row$k
  if (row$ci_method == "profile") {
    other <- glmm_estimate(d)
    glmm_checked <- glmm_checked + !is.na(other)
    fine <- fine && (is.na(other) || same(other, row$estimate, TOLERANCE_GLMM))
  }
  other <- meta_estimate(d, row)
  meta_checked <- meta_checked + !is.na(other)
  fine <- fine && (is.na(other) || same(other, row$estimate, TOLERANCE_GLMM))
  finite <- is.finite(found) & is.finite(expected)
  largest <- max(largest, abs(found - expected)[finite] / pmax(1, abs(expected[finite])))
  cat(sprintf("%-8s %-48s ours %9.6f [%9.6f %9.6f]  R %9.6f [%9.6f %9.6f]\n", if (fine) "agrees" else "DIFFERS",
              row$analysis, expected[1], expected[2], expected[3], found[1], found[2], found[3]))
  disagree <- disagree + !fine
}
cat(sprintf("%d of %d analyses agree with metafor %s; largest relative difference %.1e on the model scale.\n",
            nrow(index) - disagree, nrow(index), packageVersion("metafor"), largest))
cat(if (has_lme4) sprintf("rma.glmm estimated %d of the binomial-normal models (tolerance %g).\n", glmm_checked, TOLERANCE_GLMM)
    else "rma.glmm was not run: the R package lme4 is not installed.\n")
cat(if (has_meta) sprintf("meta %s estimated %d analyses (tolerance %g).\n", packageVersion("meta"), meta_checked, TOLERANCE_GLMM)
    else "meta was not run: the R package meta is not installed.\n")
quit(status = if (disagree > 0) 1 else 0)
