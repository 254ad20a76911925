using NoriKV.Server;
using NoriKV.Server.Tests;

namespace NoriKV.Dashboard.Tests;

/// <summary>
/// What the doctor finds stands on the first view, with what shows it and what to do; on a cluster of its own, which is hurt.
/// </summary>
[Trait("Category", "Slow")]
public sealed class DoctorTests
{
    [Fact]
    public async Task A_node_that_is_gone_is_a_finding_with_its_evidence_and_advice()
    {
        await using Browser browser = await Browser.StartAsync();
        await using TestCluster cluster = await TestCluster.StartAsync(3, static o => o with { TotalShards = 8, SwimEnabled = true });
        BrowserPage page = await browser.NewPageAsync();
        await page.GoAsync($"http://{cluster[0].Server.HttpEndPoint}/#/cluster");
        await page.WaitAsync("norikv.feed.state === 'live' && norikv.scene().nodes.length === 3");
        await page.WaitAsync("norikv.scene().frame.leaders.every(p => p > 0)");

        await cluster.KillOneAsync(2);
        await page.WaitAsync("[...document.querySelectorAll('.finding b')].some(b => b.textContent === 'n3 is silent')");
        const string Found = "[...document.querySelectorAll('.finding')].filter(f => /n3 .*(answer|reach)/.test(f.textContent))";
        await page.WaitAsync($"{Found}.length > 0");
        const string Advice = "[...document.querySelectorAll('.finding .advice')].map(p => p.textContent).join()";
        await page.WaitAsync($"{Advice}.includes('norikv cluster replace')");
        await page.WaitAsync("norikv.scene().frame.leaders.every(p => p > 0 && norikv.scene().nodes[p - 1].id !== 'n3')");
        await page.KeepAsync("doctor");
        await page.ResizeAsync(360, 740);
        await page.WaitAsync("document.documentElement.scrollWidth <= 360");
        await page.KeepAsync("phone-doctor");
        Assert.Empty(page.Complaints);
    }
}
